"""Serves localstripe, each time from scratch, on free ports of the loopback.

Reads orders, a line each. "start" forks a server, which answers with its port and its process as soon as it listens; a
fork has read the libraries already, which takes most of a start. "end PROCESS" ends one and answers when it is gone. All
end when the standard input is closed: with the tests.

localstripe's own command listens on every address, and after each write saves all that it knows to one file in /tmp, which
every process of it shares. This one saves nothing. Nor does a charge list its refunds, for which localstripe goes through
all that it knows, three times for each charge that it shows: the edge adds them up.
"""

import asyncio
import os
import signal
import sys
import threading

from aiohttp import web
from localstripe import resources, server


async def serve():
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], os.getpid(), flush=True)
    await asyncio.Event().wait()


def end_with(parent):
    """Ends this process when the other end of a pipe is closed, however its owner has ended."""
    os.read(parent, 1)
    os._exit(0)


def start(parent, alive):
    if os.fork() == 0:
        os.close(alive)
        threading.Thread(target=end_with, args=(parent,), daemon=True).start()
        asyncio.run(serve())


def end(process):
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    print("ended", flush=True)


resources.Store.dump_to_disk = lambda store: None
resources.Charge.refunds = property(lambda charge: resources.List())
pipe = os.pipe()
for order in sys.stdin:
    if order == "start\n":
        start(*pipe)
    else:
        end(int(order.split()[1]))
