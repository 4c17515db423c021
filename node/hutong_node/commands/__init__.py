"""The commands of `hutong`, one module for each group; `__main__` says which."""
