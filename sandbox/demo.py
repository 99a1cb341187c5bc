"""The demo: `make demo`, or `mailup-exchange demo [--keep]`.

Starts the sandbox, a Prefect server and a worker, registers blocks, deploys the client of
`prefect.yaml`, uploads a file to the SFTP server, runs the import, generates a campaign's traffic,
runs two exports, and prints the results. All files are below `.demo`; with `--keep` everything
keeps running until Ctrl-C.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from sandbox.demo_parts import Prefect, Programs, free_port, say
from sandbox.demo_story import (
    demo_blocks,
    drop_file,
    play_campaign,
    print_exports,
    print_places,
    print_result,
)

HOME = Path(".demo")
UI_PORT = 4200
REGISTERED = ("blocks.servers", "blocks.accounts", "blocks.ledgers", "blocks.keys")


def main() -> int:
    """Run the demo; 0 if the counts add up and equal those of the emulator."""
    parser = argparse.ArgumentParser(description=__doc__, prog="mailup-exchange demo")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--rows", type=int, default=3000, help="contacts in the file")
    chosen = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        # If the shell ignored the signal, child processes would inherit that and never end.
        signal.signal(number, signal.default_int_handler)
    shutil.rmtree(HOME, ignore_errors=True)
    with ExitStack() as stack:
        programs = stack.enter_context(Programs(HOME))
        right = _play(programs, rows=chosen.rows, keep=chosen.keep)
        if chosen.keep:
            say("Everything keeps running; press Ctrl-C to stop.")
            _wait_for_interrupt()
    return 0 if right else 1


def _play(programs: Programs, *, rows: int, keep: bool) -> bool:
    started = time.monotonic()
    say("Starting the sandbox: MailUp emulator and file servers ...")
    sandbox_home = HOME / "sandbox"
    programs.start("sandbox", "-m", "sandbox", "--home", str(sandbox_home))
    sandbox = json.loads(programs.wait_for_file("sandbox", sandbox_home / "sandbox.json"))
    say("Starting a Prefect server (about 15 seconds) ...")
    prefect = Prefect(programs, free_port(UI_PORT))
    prefect.start()
    say("Registering blocks and deploying the client of prefect.yaml ...")
    for module in REGISTERED:
        prefect.run("block", "register", "-m", module)
    programs.run("-m", "deployments.cli", "provision", stdin=json.dumps(demo_blocks(sandbox, HOME)))
    prefect.run("work-pool", "create", "mailup", "--type", "process", "--set-as-default")
    prefect.run("deploy", "--prefect-file", "prefect.yaml", "--all")
    prefect.start_worker("mailup")
    dropped = drop_file(sandbox, HOME, rows=rows)
    say(f"A file has arrived on the SFTP server: {dropped}. Running import-recipients/demo ...")
    run_id = prefect.run_deployment("import-recipients/demo")
    prefect.follow(run_id)
    right = print_result(sandbox, dropped, f"{prefect.url}/runs/flow-run/{run_id}")
    say("\nA campaign is sent: recipients open, click, bounce and unsubscribe ...")
    play_campaign(sandbox)
    for flow in ("export-unsubscribed", "export-email-statistics"):
        say(f"Running {flow}/demo ...")
        prefect.follow(prefect.run_deployment(f"{flow}/demo"))
    right = print_exports(sandbox) and right
    print_places(sandbox, f"{prefect.url}/runs", keep=keep)
    say(f"Done in {time.monotonic() - started:.0f} seconds.")
    return right


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("Stopping.")


if __name__ == "__main__":
    sys.exit(main())
