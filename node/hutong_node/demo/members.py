"""One organisation of the demo: a folder, a node process on its own ports, and its local API.

Owns starting, killing and asking such a process. Everything goes the way that an operator's own
programs go: the command line and the local interface with its token.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from hutong_node.clock import SystemClock
from hutong_node.config import BulletinListen, Config, DataFolder, LocalListen, PeerListen
from hutong_node.founding import found
from hutong_node.store.sqlite.bystander import count_records
from hutong_protocol.ids import IdKind, format_id

START_S: Final = 30.0
REQUEST_S: Final = 60.0


class DemoFailed(Exception):
    """The demo can't go on; the message says what didn't happen."""


@dataclass(slots=True)
class Member:
    """An organisation of the demo. `role` says in a few words what it does."""

    name: str
    role: str
    folder: DataFolder
    peer_port: int
    local_port: int
    org: str = ""
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        """Where the other nodes dial it."""
        return f"wss://127.0.0.1:{self.peer_port}"

    def init(self) -> None:
        """Makes keys, certificate, configuration: what `hutong init` does."""
        config = Config(
            organisation=self.name,
            peer=PeerListen(host="127.0.0.1", port=self.peer_port, public=self.endpoint),
            local=LocalListen(port=self.local_port),
            bulletin=BulletinListen(port=0),
        )
        identity = found(self.folder, config, SystemClock())
        self.org = format_id(IdKind.ORG, identity.org)

    async def start(self) -> None:
        """Starts `hutong run` for this folder and waits until it is ready."""
        with (self.folder.root / "node.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command("run", "--data", os.fspath(self.folder.root)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            async with asyncio.timeout(START_S):
                while not await self._is_ready():
                    if self.process.returncode is not None:
                        raise DemoFailed(
                            f"{self.name}: the node ended at once; {self._last_words()}"
                        )
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise DemoFailed(f"{self.name}: not ready after {START_S:.0f} s") from None

    async def kill(self) -> None:
        """Ends the process as a power cut would: no signal handler runs, nothing is flushed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        self.process = None

    async def stop(self) -> None:
        """Ends the process politely; by force after ten seconds."""
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(10):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.process = None

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the local interface; its JSON.

        Raises:
            DemoFailed: any answer but success.
        """
        headers = {"Authorization": f"Bearer {self.folder.token.read_text().strip()}"}
        url = f"http://127.0.0.1:{self.local_port}{path}"
        timeout = aiohttp.ClientTimeout(total=REQUEST_S)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as client,
            client.request(method, url, json=body, headers=headers) as answer,
        ):
            text = await answer.text()
            if answer.status >= 400:
                raise DemoFailed(f"{self.name}: {method} {path} gave {answer.status}: {text[:600]}")
            return json.loads(text) if text else None

    async def publish(self, *drafts: dict[str, Any]) -> list[str]:
        """Signs drafts; the ids of the records."""
        answer = await self.ask("POST", "/v1/records", {"drafts": list(drafts)})
        return [record["id"] for record in answer["records"]]

    async def hutong(self, *arguments: str) -> Any:
        """Runs a `hutong` command for this folder with `--json`; the JSON it prints."""
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--data", os.fspath(self.folder.root), "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        if process.returncode != 0:
            words = errors.decode(errors="replace").strip() or out.decode(errors="replace").strip()
            raise DemoFailed(f"{self.name}: hutong {arguments[0]} failed: {words[-800:]}")
        return json.loads(out)

    def records_on_disk(self) -> int:
        """How many records its store holds, counted in the file itself, running or not."""
        return count_records(self.folder.database)

    async def _is_ready(self) -> bool:
        url = f"http://127.0.0.1:{self.local_port}/readyz"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client,
                client.get(url) as answer,
            ):
                return answer.status == 200
        except (OSError, TimeoutError, aiohttp.ClientError):
            return False

    def _last_words(self) -> str:
        lines = (self.folder.root / "node.log").read_text(errors="replace").splitlines()
        return lines[-1][-400:] if lines else "it said nothing"


def command(*arguments: str) -> list[str]:
    """The `hutong` of this very installation, whatever else is on the path."""
    return [sys.executable, "-m", "hutong_node", *arguments]


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now; they are held together, so that no two are equal."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
