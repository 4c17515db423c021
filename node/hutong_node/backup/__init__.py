"""Backups of a data folder: made while the node runs, read back, put back. See decision 18."""
