"""Write the base job templates anew: `python -m deployments.pools.generate`.

Takes each worker's own default template and applies changes.yaml. Needs the packages of the workers
(prefect-docker, prefect-kubernetes, prefect-aws, prefect-azure, prefect-gcp), which runs do not:
use an environment of its own, with the versions that the workers run.
"""

import json
import sys
from pathlib import Path

import jsonpatch
from prefect.plugins import load_prefect_collections
from prefect.workers.base import BaseWorker

from blocks.yaml_files import load_yaml

_FOLDER = Path(__file__).parent


def main() -> int:
    """Write TYPE.json for every type of pool in changes.yaml; 1 where a worker is not installed."""
    load_prefect_collections()
    changes = load_yaml(_FOLDER / "changes.yaml")
    for kind, patch in changes.items():
        worker = BaseWorker.get_worker_class_from_type(kind)
        if worker is None:
            print(f"The package of the {kind} worker is not installed.", file=sys.stderr)
            return 1
        template = jsonpatch.apply_patch(worker.get_default_base_job_template(), patch)
        text = json.dumps(template, indent=1, ensure_ascii=False)
        (_FOLDER / f"{kind}.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
