"""A headless Chromium for tests, over its DevTools protocol: what a page loads, complains of, shows and lets be
reached.

One browser serves a whole session; every page has a context of its own, so cookies of one test are unknown to the next.
It listens on a free loopback port and resolves no name but loopback, so no test can reach the network by accident.
It judges nothing: tests do.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_core_python.base import AXE_FILE_PATH
from websockets.sync.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-sync", "--metrics-recording-only", "--force-color-profile=srgb", "--remote-debugging-port=0",
    "--remote-debugging-address=127.0.0.1", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
PATIENCE = 60.0
"""Seconds to wait for the browser's start, an answer or a page."""
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "Space": 32, "ArrowDown": 40, "ArrowUp": 38}
"""Keys that can be pressed, with their virtual key codes."""

OUTSIDE = """(() => {
  const shown = (e) => e.getClientRects().length > 0;
  const held = (e) => { for (let p = e.parentElement; p; p = p.parentElement) {
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) return true; } return false; };
  const out = [...document.querySelectorAll("body *")].filter((e) => shown(e) && !e.closest("svg")
    && e.getBoundingClientRect().right > innerWidth + 1 && !held(e)).map((e) => e.outerHTML.slice(0, 200));
  const wide = document.documentElement.scrollWidth;
  return wide > innerWidth ? [`the page is ${wide} pixels wide`, ...out] : out;
})()"""
FOCUSED = """(() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  e.dataset.reached ??= String(window.reached = (window.reached ?? 0) + 1);
  return {number: Number(e.dataset.reached), tag: e.tagName.toLowerCase(),
    href: e.href?.baseVal ?? e.getAttribute("href"), id: e.id,
    text: (e.getAttribute("aria-label") || e.textContent).trim().slice(0, 80)};
})()"""
AXE = """(async () => {
  const told = await axe.run(document, {preload: false, resultTypes: ["violations"]});
  return told.violations.map((v) => ({id: v.id, impact: v.impact, help: v.help,
    nodes: v.nodes.map((n) => n.html.slice(0, 300))}));
})()"""


class BrowserError(Exception):
    """The browser refused a command or did not answer."""


@dataclass(frozen=True)
class Finding:
    """One rule of axe-core that is broken: its id, impact, what it asks for, and the elements that break it."""

    id: str
    impact: str
    help: str
    nodes: tuple[str, ...]


def program() -> str | None:
    """Where a Chromium is, or None."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def running(profile: Path) -> Iterator[Browser]:
    """A browser with ``profile`` as its folder of user data; it ends with the block."""
    executable = program()
    if executable is None:
        raise BrowserError("There is no Chromium on this machine.")
    command = [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment(profile))
    try:
        with connect(_address(profile, process), max_size=None, compression=None) as line:
            yield Browser(line)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(profile: Path) -> dict[str, str]:
    """The caller's without proxies, with the profile as home, so that the user's own settings change nothing."""
    return {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {"HOME": str(profile)}


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser listens, which it writes into its profile once it does."""
    file, until = profile / "DevToolsActivePort", time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if file.exists() and len(lines := file.read_text().split()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise BrowserError(f"Chromium did not start within {PATIENCE:.0f} seconds (exit code {process.poll()}).")


class Browser:
    """A running browser: commands go out one at a time, events are handed to the page they belong to."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._sent = 0
        self._pages: dict[str, Page] = {}

    @contextmanager
    def page(
        self, width: int = 1280, height: int = 900, *, mobile: bool = False, headers: Mapping[str, str] | None = None
    ) -> Iterator[Page]:
        """A blank page in a context of its own, of ``width`` by ``height`` CSS pixels; it closes with the block.

        Args:
            headers: sent with every request.
        """
        context = self.command("Target.createBrowserContext")["browserContextId"]
        target = self.command("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        self._pages[session] = page
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.command(f"{domain}.enable")
            if headers:
                page.command("Network.setExtraHTTPHeaders", headers=dict(headers))
            page.resize(width, height, mobile=mobile)
            yield page
        finally:
            del self._pages[session]
            self.command("Target.disposeBrowserContext", browserContextId=context)

    def command(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Result of one command of the protocol. BrowserError where the browser refuses it."""
        self._sent += 1
        number = self._sent
        told = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._line.send(json.dumps(told))
        until = time.monotonic() + PATIENCE
        while True:
            answer = self.hear(until, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return dict(answer["result"])

    def hear(self, until: float, waiting_for: str) -> dict[str, Any]:
        """The next message; an event is handed to its page on the way. BrowserError after ``until`` (monotonic)."""
        try:
            message: dict[str, Any] = json.loads(self._line.recv(timeout=max(0.0, until - time.monotonic())))
        except TimeoutError as error:
            raise BrowserError(f"{waiting_for}: no answer within {PATIENCE:.0f} seconds.") from error
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.note(message["method"], message["params"])
        return message


@dataclass
class Page:
    """A page. What it asked for and complained of since it was opened last is in ``requests`` and ``errors``."""

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    """Addresses asked for, redirects and refused ones too; ``data:`` is left out, it is part of the page."""
    errors: list[str] = field(default_factory=list)
    """Errors on the console, exceptions, requests that failed, what the page's policy refused."""
    status: int | None = None
    """Status of the answer that brought the page; 200 for a file that is there."""
    _loaded: bool = False

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Result of one command of the protocol on this page."""
        return self.browser.command(method, self.session, **params)

    def note(self, method: str, params: Mapping[str, Any]) -> None:
        """Remember an event."""
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("data:"):
            self.requests.append(params["request"]["url"])
        elif method == "Network.responseReceived" and params["type"] == "Document" and self.status is None:
            self.status = params["response"]["status"] or None
        elif method in _COMPLAINTS and (said := _COMPLAINTS[method](params)):
            self.errors.append(said)

    def open(self, address: str | Path) -> Page:
        """Go to an address or a file and wait until it is loaded. BrowserError where it cannot be had at all."""
        self._go("about:blank")  # so that no late complaint of the page before is taken for one of this page
        self.requests, self.errors, self.status = [], [], None
        self._go(address.resolve().as_uri() if isinstance(address, Path) else address)
        return self

    def _go(self, url: str) -> None:
        self._loaded = False
        answer = self.command("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        self.wait_for(lambda: self._loaded or "loaderId" not in answer, f"loading {url}")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Take in events until ``condition`` holds. BrowserError where it never does."""
        until = time.monotonic() + PATIENCE
        while not condition():
            self.browser.hear(until, what)

    def cookie(self, name: str, value: str, url: str) -> None:
        """Set a cookie for the site of ``url``."""
        self.command("Network.setCookie", name=name, value=value, url=url)

    def resize(self, width: int, height: int = 900, *, mobile: bool = False) -> None:
        """Make the page ``width`` by ``height`` CSS pixels; ``mobile`` obeys the viewport the page asks for."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.command("Emulation.setDeviceMetricsOverride", **size)

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, awaited where it is a promise; the page's policy does not bind it."""
        done = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise BrowserError(str(done["exceptionDetails"].get("exception", {}).get("description")))
        return done["result"].get("value")

    def outside(self) -> list[str]:
        """What sticks out of the page on its right, but for what scrolls inside a box of its own; empty where all
        is well."""
        return list(self.evaluate(OUTSIDE))

    def axe(self, *impacts: str) -> list[Finding]:
        """What axe-core finds with one of ``impacts`` (``serious``, ``critical``...; all by default)."""
        self.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8") + ";0")
        found = [Finding(f["id"], f["impact"], f["help"], tuple(f["nodes"])) for f in self.evaluate(AXE)]
        return [f for f in found if not impacts or f.impact in impacts]

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key of ``KEYS``."""
        told = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": 8 if shift else 0}
        if key == "Enter":
            told["text"] = "\r"
        self.command("Input.dispatchKeyEvent", type="keyDown", **told)
        self.command("Input.dispatchKeyEvent", type="keyUp", **told)

    def focused(self) -> dict[str, Any] | None:
        """``tag``, ``href``, ``id``, ``text`` and a ``number`` of its own of what has the keyboard; None where nothing
        has."""
        found = self.evaluate(FOCUSED)
        return None if found is None else dict(found)

    def tab_order(self, limit: int = 2000) -> list[dict[str, Any]]:
        """What the Tab key reaches from the top of the page until it comes back or leaves. BrowserError beyond
        ``limit``, which means that the keyboard is caught."""
        reached: list[dict[str, Any]] = []
        for _ in range(limit):
            self.press("Tab")
            at = self.focused()
            if at is None or any(at["number"] == seen["number"] for seen in reached):
                return reached
            reached.append(at)
        raise BrowserError(f"The Tab key is still on its way after {limit} steps.")

    def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        """A PNG of what is seen, or of the whole page."""
        done = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(done["data"]))
        return path

    def pdf(self) -> bytes:
        """The page as it would be printed, with the paper its style sheet asks for."""
        done = self.command("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(done["data"])


def _of_console(params: Mapping[str, Any]) -> str:
    said = " ".join(str(a.get("value", a.get("description", ""))) for a in params["args"])
    return f"console: {said}" if params["type"] in {"error", "assert"} else ""


def _of_log(params: Mapping[str, Any]) -> str:
    entry = params["entry"]
    return f"{entry['source']}: {entry['text']} {entry.get('url', '')}" if entry["level"] == "error" else ""


def _of_exception(params: Mapping[str, Any]) -> str:
    details = params["exceptionDetails"]
    return f"exception: {details.get('exception', {}).get('description', details['text'])}"


def _of_failure(params: Mapping[str, Any]) -> str:
    return "" if params.get("canceled") else f"request failed: {params['errorText']} {params.get('blockedReason', '')}"


_COMPLAINTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "Runtime.consoleAPICalled": _of_console,
    "Runtime.exceptionThrown": _of_exception,
    "Log.entryAdded": _of_log,
    "Network.loadingFailed": _of_failure,
}
