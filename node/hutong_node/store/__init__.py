"""Storage of the node: one interface, and its implementation on SQLite."""
