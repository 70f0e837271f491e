"""A thread in which nbclient runs a kernel: orders go in as execute requests, pieces of frames come out.

nbclient keeps all that a kernel sends; here nothing is kept, every message is counted as it arrives, and a kernel that
sends too much, or what no kernel sends, is at its end. The other end of these sockets is student code's to abuse.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import queue
import secrets
import subprocess
import threading
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from grader import wire
from grader.execute.channel import TOTAL_BYTES, Closed, Violation
from grader.execute.client import sources
from grader.execute.jupyter_keeper import Keeper
from grader.execute.jupyter_line import Piece

START_SECONDS = 60.0
MESSAGE_BYTES = 4 << 20
WAITING = 64
"""Messages that may wait in a socket of ours, each of at most ``MESSAGE_BYTES``."""
LONGEST_SOCKET_PATH = 90
DELIVERED = ("grader.execute.jupyter_kernel", "grader.execute.jupyter_alone")

START = """\
import base64, json, sys
order = json.loads(base64.b64decode(ORDER))
space = {"__name__": "grader_delivery"}
exec(compile(order["boot"], "<grader>/execute/boot.py", "exec"), space)
for name in [name for name in sys.modules if name.partition(".")[0] == "grader"]:
    del sys.modules[name]
sys.meta_path.insert(0, space["Delivered"](order["sources"]))
from grader.execute.jupyter_kernel import start
start(order)
"""
OBEY = "__import__('sys').modules['grader.execute.jupyter_kernel'].obey({text!r})"


class Bridge:
    """One kernel, from its start to its end. ``pieces`` is what the line of a session reads from."""

    def __init__(self, kernel_name: str, *, portable: bool) -> None:
        self.pieces: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        self.mime = f"application/vnd.grader.{secrets.token_hex(16)}"
        self._kernel_name, self._portable = kernel_name, portable
        self._loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self._loop.set_exception_handler(lambda _loop, _context: None)  # what a dead kernel's tasks have to say
        self._orders: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._thread = threading.Thread(target=self._run, name="kernel", daemon=True)
        self.trouble = ""

    def start(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._thread.start()

    def order(self, order: dict[str, Any] | None) -> None:
        """Queue an order; None ends the thread after the orders before it."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._orders.put_nowait, order)

    def close(self) -> None:
        """End the thread at once. The kernel's process is the keeper's to end, before."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10.0)

    def gone(self) -> None:
        """The kernel's process is no more."""
        self.pieces.put(Closed())

    # --- in the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            self.trouble = self.trouble or "ended"
        except (DeadKernelError, RuntimeError) as error:
            self.trouble = self.trouble or str(error).strip()
        except Exception as error:  # noqa: BLE001  nbclient meets what a hostile kernel sends
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"
        finally:
            self.pieces.put(Closed())
            with contextlib.suppress(Exception):
                self._loop.run_until_complete(_cancel_all())
            self._loop.close()

    async def _serve(self) -> None:
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        context.setsockopt(zmq.RCVHWM, WAITING)
        context.setsockopt(zmq.LINGER, 0)
        with contextlib.ExitStack() as stack:
            stack.callback(context.destroy, linger=0)  # last, also where the shutdown is cancelled
            await self._work(self._manager(context))

    async def _work(self, manager: AsyncKernelManager) -> None:
        client: AsyncKernelClient | None = None
        try:
            await manager.start_kernel(**self._keeper.popen(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._keeper.started(manager.provisioner.process)
            client = self._connect(manager)
            await client.wait_for_ready(timeout=START_SECONDS)
            runner = Runner(new_notebook(cells=[new_code_cell("")]), manager, client, self)
            await runner.execute_code(_start_code(self.mime, str(self._keeper.place.work), self._portable))
            while (order := await self._orders.get()) is not None:
                if order["do"] == "cell":  # said here: a cell that ends the process may take its last words with it
                    self.pieces.put({"event": "start", "index": order["index"]})
                text = base64.b64encode(wire.encode(order)).decode("ascii")
                await runner.execute_code(OBEY.format(text=text))
        finally:
            if client is not None:
                client.stop_channels()
            with contextlib.suppress(Exception):  # it is gone, or was never there
                await manager.shutdown_kernel(now=True)

    def _manager(self, context: zmq.asyncio.Context) -> AsyncKernelManager:
        link = self._keeper.base / "link"
        manager = AsyncKernelManager(
            kernel_name=self._kernel_name,
            kernel_spec_manager=_Specs(self._keeper),
            connection_file=str(link / "kernel.json"),
            context=context,
        )
        if hasattr(zmq, "IPC_FILTER_PID") and len(str(link)) < LONGEST_SOCKET_PATH and not self._portable:
            manager.transport, manager.ip = "ipc", str(link / "k")  # no ports that others can reach, or take first
        return manager

    def _connect(self, manager: AsyncKernelManager) -> AsyncKernelClient:
        client = manager.client()
        channel = _counted(self)
        client.iopub_channel_class = client.shell_channel_class = channel
        client.allow_stdin = False
        client.start_channels(stdin=False, control=False, hb=False)
        return client


class Runner(NotebookClient):  # type: ignore[misc]
    """nbclient's client for a kernel that is there already. It keeps no output."""

    def __init__(self, notebook: Any, manager: AsyncKernelManager, client: AsyncKernelClient, bridge: Bridge) -> None:
        super().__init__(notebook, km=manager, timeout=None, allow_errors=True, record_timing=False)
        self.kc = client
        self._bridge = bridge

    async def execute_code(self, code: str) -> None:
        """Run one request to its end. A request that fails is a worker that was broken."""
        cell = self.nb.cells[0]
        cell.source = code
        self._reply: dict[str, Any] = {}
        self.on_cell_executed = self._executed
        await self.async_execute_cell(cell, 0, store_history=False)
        if self._reply.get("status") != "ok":
            said = f"{self._reply.get('ename', '')}: {self._reply.get('evalue', '')}"[:500]
            self._bridge.trouble = said
            self._bridge.pieces.put(Violation(said))

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> None:  # noqa: ARG002
        content = msg["content"]
        if msg["msg_type"] == "status" and content.get("execution_state") == "idle":
            raise CellExecutionComplete
        data = content.get("data") if msg["msg_type"] == "display_data" else None
        piece = data.get(self._bridge.mime) if isinstance(data, dict) else None
        if isinstance(piece, str):
            try:
                self._bridge.pieces.put(base64.b64decode(piece, validate=True))
            except (binascii.Error, ValueError):
                self._bridge.pieces.put(Violation("a piece of a frame that is no base64"))

    def _executed(self, cell: Any, cell_index: int, execute_reply: Any) -> None:  # noqa: ARG002  nbclient's names
        content = execute_reply.get("content")
        self._reply = content if isinstance(content, dict) else {}


class _Specs(KernelSpecManager):  # type: ignore[misc]
    """The kernel as it is declared, but started by its keeper."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        spec = super().get_kernel_spec(kernel_name)
        spec.argv = self._keeper.command(list(spec.argv), spec.env)
        return spec


def _counted(bridge: Bridge) -> type[AsyncZMQSocketChannel]:
    """A channel that counts what comes before anything looks into it."""
    left = [2 * TOTAL_BYTES]

    class Counted(AsyncZMQSocketChannel):  # type: ignore[misc]
        async def _recv(self, **kwargs: Any) -> dict[str, Any]:
            try:
                parts = await self.socket.recv_multipart(**kwargs)
                left[0] -= sum(map(len, parts))
                if left[0] < 0:
                    raise Violation("more bytes than a kernel may send")
                _, signed = self.session.feed_identities(parts)
                return _checked(self.session.deserialize(signed))
            except Exception as error:
                bridge.pieces.put(error if isinstance(error, Violation) else Violation(f"no message: {error}"))
                raise

    return Counted


def _checked(message: dict[str, Any]) -> dict[str, Any]:
    if not all(isinstance(message.get(part), dict) for part in ("header", "parent_header", "content")):
        raise Violation("a message without its parts")
    return message


def _start_code(mime: str, work: str, portable: bool) -> str:
    folder = Path(__file__).parent
    delivered = {**sources(), **{name: _source(name) for name in DELIVERED}}
    order = {
        "boot": (folder / "boot.py").read_text(encoding="utf-8"),
        "sources": delivered,
        "mime": mime,
        "work": work,
        "portable": portable,
    }
    text = base64.b64encode(json.dumps(order).encode()).decode("ascii")
    return f"exec(compile({START!r}, '<grader start>', 'exec'), {{'ORDER': {text!r}, '__name__': 'grader_start'}})"


def _source(name: str) -> str:
    return (Path(__file__).parent / f"{name.rpartition('.')[2]}.py").read_text(encoding="utf-8")


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
