"""A Chromium without a window, driven over its own debugging socket.

Owns starting and ending the one process that a test needs, with a profile of its own, and the few
commands that these tests use. Nothing of it is a dependency: the socket is a WebSocket with JSON.
Where no Chromium is installed the tests are skipped, and counted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_S: Final = 30.0
ANSWER_S: Final = 30.0
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--remote-debugging-port=0",
)


def chromium_path() -> str | None:
    """The program, if there is one: `CHROMIUM` in the environment, or one of the usual names."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page in the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        """The addresses that the page asked for, in order; those of `data:` too."""
        self.dialogs: list[str] = []
        self.problems: list[str] = []
        """What the browser itself refused or failed to do, by its own log."""

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the debugging protocol; its result."""
        self._number += 1
        wanted = self._number
        await self._socket.send_json({"id": wanted, "method": method, "params": parameters})
        async with asyncio.timeout(ANSWER_S):
            while True:
                message = await self._message()
                if message.get("id") == wanted:
                    assert "error" not in message, message
                    return dict(message["result"])

    async def open(self, url: str) -> None:
        """Loads a page and waits until everything that it asks for has come."""
        await self.command("Page.navigate", url=url)
        async with asyncio.timeout(ANSWER_S):
            while (await self._message()).get("method") != "Page.loadEventFired":
                pass

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        result = await self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def resize(self, width: int, height: int = 900) -> None:
        """Sets the size of the screen in CSS pixels."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    async def picture(self, path: Path, *, height_max: int = 6_000) -> None:
        """Saves the whole page as PNG."""
        size = (await self.command("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {
            "x": 0,
            "y": 0,
            "width": size["width"],
            "height": min(size["height"], height_max),
            "scale": 1,
        }
        found = await self.command(
            "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
        )
        await asyncio.to_thread(path.write_bytes, base64.b64decode(found["data"]))

    async def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads((await self._socket.receive()).data)
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(parameters["message"])
            self._number += 1
            accept = {"id": self._number, "method": "Page.handleJavaScriptDialog"}
            await self._socket.send_json({**accept, "params": {"accept": True}})
        elif method == "Log.entryAdded":
            self.problems.append(parameters["entry"]["text"])
        return message


@asynccontextmanager
async def browser(*, scripts: bool = True) -> AsyncIterator[Tab]:
    """A new browser with one page.

    Args:
        scripts: False switches off the scripts of pages, as some people do.
    """
    program = chromium_path()
    assert program is not None
    profile = tempfile.mkdtemp(prefix="hutong-chromium-")
    process = await asyncio.create_subprocess_exec(
        program,
        *_FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(Path(profile), process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                listed = await answer.json()
            url = next(each["webSocketDebuggerUrl"] for each in listed if each["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await tab.command(f"{domain}.enable")
                if not scripts:
                    await tab.command("Emulation.setScriptExecutionDisabled", value=True)
                yield tab
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    """Where the browser listens, which it writes into its profile."""
    told = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while not (told.exists() and told.read_text().strip()):
            assert process.returncode is None, "Chromium ended at once"
            await asyncio.sleep(0.05)
    return int(told.read_text().split()[0])
