"""A run of some assets in a process of its own, to be measured, stopped or killed: not for import.

    python -m themaads_pipeline_tests.chaos.stage_run KEY ASSET_OR_CHECK...

The environment is that of `themaads`. Signals reach the run as they reach Dagster's own workers. Exit code 0:
the run succeeded. The last line of the output has its seconds and its peak of memory.
"""

import json
import resource
import sys
import time

import dagster as dg
from dagster._utils.interrupts import capture_interrupts

from themaads_pipeline.definitions import definitions_with
from themaads_pipeline.defs.resources import resources
from themaads_pipeline_tests.moment import NOW


@dg.resource
def _clock(_context: dg.InitResourceContext) -> object:
    return lambda: NOW


def main(key: str, assets: list[str]) -> int:
    """Run the assets of one upload."""
    job = definitions_with({**resources, "clock": _clock}).resolve_job_def("push_upload")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("uploads", [key])
        started = time.monotonic()
        result = job.execute_in_process(
            instance=instance,
            partition_key=key,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            raise_on_error=False,
        )
        seconds = time.monotonic() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": round(seconds, 1), "peak_mb": round(peak_mb)}) + "\n")
    return 0 if result.success else 1


if __name__ == "__main__":
    with capture_interrupts():
        code = main(sys.argv[1], sys.argv[2:])
    sys.exit(code)
