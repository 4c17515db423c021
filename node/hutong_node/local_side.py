"""The local side of a node put together: its notes of rows, and the service on top.

Owns which files of a folder the local side uses, and how failures of opening a folder are told. The
node itself is `node`'s business. `hutong run` and commands on a folder that isn't running both come
through here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hutong_node.config import ConfigRefused
from hutong_node.founding import FoundingRefused
from hutong_node.intake import Intake
from hutong_node.intake_file import INTAKE_FILE
from hutong_node.keys import KeyFileRefused
from hutong_node.node import Node, NodeRefused
from hutong_node.refusals import Code, Refused
from hutong_node.service import NodeService
from hutong_node.store.errors import StoreError, StoreFull


@dataclass(frozen=True, slots=True)
class LocalSide:
    """What the people of a node use; close it after the node was stopped."""

    service: NodeService
    intake: Intake

    @classmethod
    def open(cls, node: Node, *, running: bool) -> LocalSide:
        """The local side of a node. `running`: it listens and exchanges, or is about to.

        Raises:
            Refused: its files can't be used.
        """
        path = node.parts.folder.root / INTAKE_FILE
        try:
            intake = Intake(path)
        except (OSError, sqlite3.Error) as broken:
            raise Refused(
                Code.STORE_FAILED,
                f"{path} can't be opened",
                detail=type(broken).__name__,
                way_out="put it back from a backup; without it rows would be published twice",
            ) from broken
        return cls(NodeService(node, intake, running=running), intake)

    def close(self) -> None:
        """Closes the files."""
        self.intake.close()


@contextmanager
def refusals_of_opening(folder: Path) -> Iterator[None]:
    """Turns what can go wrong when a folder is opened into refusals with a way out."""
    try:
        yield
    except (ConfigRefused, FoundingRefused, KeyFileRefused, NodeRefused) as refused:
        raise Refused(Code.NO_NODE, str(refused)) from None
    except StoreError as refused:
        code = Code.STORE_FULL if isinstance(refused, StoreFull) else Code.STORE_FAILED
        raise Refused(code, f"the node in {folder} can't be opened", detail=str(refused)) from None
