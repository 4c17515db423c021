"""The core of Hutong: values, pure functions and one session without input or output."""
