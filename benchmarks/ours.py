"""Run the product: `python -m benchmarks.ours AGREEMENT [export]`, by default an import.

One flow run in this process, with the Prefect server in the environment and all checks on. Prints
the seconds from the start of its first task to the end of its last; Prefect's overhead is only in
the wall time of the process.
"""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import State

from flows.export_email_statistics import export_email_statistics
from flows.import_recipients import import_recipients
from tasks.records.agreement import ImportAgreement
from tasks.reports.agreement import StatisticsAgreement


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    state = _exported(config) if "export" in sys.argv else _imported(config)
    if not state.is_completed() or "before" in str(state.message):
        raise SystemExit(f"{state.name}: {state.message}")
    print(state.message)
    if state.state_details.flow_run_id is not None and "whole" not in sys.argv:
        _report_seconds(state.state_details.flow_run_id)


def _imported(config: dict[str, Any]) -> State[None]:
    agreed = ImportAgreement.model_validate(config)
    state: State[None] = import_recipients(agreement=agreed, return_state=True)
    return state


def _exported(config: dict[str, Any]) -> State[None]:
    agreed = StatisticsAgreement.model_validate(config)
    state: State[None] = export_email_statistics(agreement=agreed, return_state=True)
    return state


def _report_seconds(run: UUID) -> None:
    """Print the seconds from the first task's start to the last one's end, and of each task."""
    with get_client(sync_client=True) as client:
        found = client.read_task_runs(
            task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
        )
    spans = sorted((each.start_time, each.end_time, each.name) for each in found
                   if each.start_time and each.end_time)  # fmt: skip
    print(f"seconds={(max(end for _, end, _ in spans) - spans[0][0]).total_seconds():.3f}")
    for start, end, name in spans:
        print(f"step {name.split()[0]}={(end - start).total_seconds():.3f}")


if __name__ == "__main__":
    main()
