"""What a store says when it can't do its work: the environment's failures, never a peer's.

Faults and refusals of records are values (`hutong_protocol.faults`), and travel in outcomes. The
exceptions here are about this machine: its disk, its files, its software.
"""

from __future__ import annotations


class StoreError(Exception):
    """The store can't do what was asked. Nothing of the failed operation was kept."""


class StoreRefused(StoreError):
    """The store doesn't open: wrong settings, a newer schema, a changed file, a second process.

    The message says what was found, what was expected and what to do.
    """


class StoreFull(StoreError):
    """The disk is full. Reads go on; the same write may be tried again later."""


class StoreClosed(StoreError):
    """The store was closed, or its writer ended, before the operation was done."""
