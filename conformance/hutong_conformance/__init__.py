"""Conformance of implementations of the Hutong protocol: vectors, their oracle and their runner.

`python -m hutong_conformance` (or `hutong-conformance`) asks an implementation, `generate` writes
the vectors, `independent` and `checks` judge the vectors without the core.
"""
