"""A long line in user space: `python -m benchmarks.delay PORT MILLISECONDS PORTFILE`.

Connections to the port written to PORTFILE reach PORT of this machine with half of the
milliseconds each way. Only the time that bytes are on their way is made longer, not the rate.
"""

import asyncio
import sys
from pathlib import Path

BLOCK_BYTES = 256 * 1024


async def _one_way(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, seconds: float
) -> None:
    """Pass on what comes, each block so many seconds later, in its order."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=4096)
    now = asyncio.get_running_loop().time

    async def arrive() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - now()))
            if not data:
                target.close()
                return
            target.write(data)
            await target.drain()

    arriving = asyncio.create_task(arrive())
    try:
        while data := await source.read(BLOCK_BYTES):
            await under_way.put((now() + seconds, data))
    except ConnectionError:
        pass
    await under_way.put((now() + seconds, b""))
    await asyncio.gather(arriving, return_exceptions=True)


async def _serve(port: int, seconds: float, told: Path) -> None:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _one_way(reader, far_writer, seconds), _one_way(far_reader, writer, seconds)
        )

    server = await asyncio.start_server(relay, "127.0.0.1", 0, limit=1 << 22)
    part = told.with_suffix(".part")
    part.write_text(str(server.sockets[0].getsockname()[1]), encoding="ascii")
    part.rename(told)
    await server.serve_forever()


def main() -> None:
    port, milliseconds, told = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    asyncio.run(_serve(port, milliseconds / 2000, told))


if __name__ == "__main__":
    main()
