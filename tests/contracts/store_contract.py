"""What every store of records does, as tests of whatever a subclass opens.

A subclass gives `open`; each test asks the methods of `ReplicaStore` only, so the same suite holds
the node's SQLite store and the in-memory store of the simulation to section 6.4 to 6.6 and 7.5 to
7.8. What only a node's store does is tested beside it.
"""

from __future__ import annotations

from contracts.joining_contract import JoiningContract
from contracts.parts_contract import PartsContract
from contracts.serving_contract import ServingContract


class StoreContract(JoiningContract, PartsContract, ServingContract):
    """The whole suite."""
