"""A relay with network latency: `python -m benchmarks.delay MILLISECONDS READYFILE PORT...`.

Relays 127.0.0.2 to 127.0.0.1 on the same ports, with half of the milliseconds each way. FTP data
connections work, too, because clients open them to the address of the control connection. Only
latency is added, bandwidth is not limited. READYFILE appears when all ports are open.
"""

import asyncio
import sys
from pathlib import Path

BLOCK_BYTES = 256 * 1024
HERE, FAR = "127.0.0.1", "127.0.0.2"


async def _one_way(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, seconds: float
) -> None:
    """Relay blocks in order, each after a delay of `seconds`."""
    in_transit: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=4096)
    now = asyncio.get_running_loop().time

    async def arrive() -> None:
        while True:
            due, data = await in_transit.get()
            await asyncio.sleep(max(0.0, due - now()))
            if not data:
                target.close()
                return
            target.write(data)
            await target.drain()

    arriving = asyncio.create_task(arrive())
    try:
        while data := await source.read(BLOCK_BYTES):
            await in_transit.put((now() + seconds, data))
    except ConnectionError:
        pass
    await in_transit.put((now() + seconds, b""))
    await asyncio.gather(arriving, return_exceptions=True)


async def _relayed(port: int, seconds: float) -> asyncio.Server:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HERE, port, limit=1 << 22)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            _one_way(reader, far_writer, seconds), _one_way(far_reader, writer, seconds)
        )

    return await asyncio.start_server(relay, FAR, port, limit=1 << 22)


async def _serve(ports: list[int], seconds: float, ready: Path) -> None:
    servers = [await _relayed(port, seconds) for port in ports]
    ready.touch()
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    milliseconds, ready, *ports = sys.argv[1:]
    asyncio.run(_serve([*map(int, ports)], float(milliseconds) / 2000, Path(ready)))


if __name__ == "__main__":
    main()
