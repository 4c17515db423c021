"""Adapters: rows of files and platforms become records, through the local API of a node."""
