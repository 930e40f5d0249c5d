"""A process that has read a large file goes on as small as it was."""

import subprocess
import sys

import pytest

# In a process of its own: what others have left free would be given back, too.
READER = """
import psutil, pyarrow
from themaads_pipeline.push.memory import give_back

def resident_mb():
    return psutil.Process().memory_info().rss / 1024**2

text = "x" * 100
pyarrow.array([text])
before = resident_mb()
columns = [pyarrow.array([text] * 20_000) for _ in range(100)]
cells = [bytes(2_000) for _ in range(50_000)]
in_use = cells[-1]  # free memory below what is in use is given back as well
assert resident_mb() > before + 250
del columns, cells
give_back()
print(resident_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' C libraries are not asked")
def test_memory_of_a_table_that_is_gone_is_given_back() -> None:
    ended = subprocess.run([sys.executable, "-c", READER], capture_output=True, text=True, check=True)
    assert float(ended.stdout) < 50
