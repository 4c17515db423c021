"""A node: it keeps logs, exchanges them with peers, and serves its own organisation."""
