"""How a worker's memory is set, seen in a process of its own."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Threads that all have memory at once, and how many pools the C library has made for them.
_COUNTED = """
import ctypes, re, sys, threading
from themaads_pipeline.push.memory import keep_memory

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
library.fopen.restype, library.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
library.malloc_info.argtypes, library.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
if sys.argv[1] == "kept":
    keep_memory()
all_have = threading.Barrier(8)

def use():
    got = library.malloc(50_000)
    all_have.wait()
    library.free(got)

threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = library.fopen(sys.argv[2].encode(), b"w")
library.malloc_info(0, file)
library.fclose(file)
print(len(re.findall("<heap nr=", open(sys.argv[2]).read())))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="pools are those of glibc's malloc")
def test_a_workers_threads_share_two_pools_of_memory(tmp_path: Path) -> None:
    def pools(how: str) -> int:
        command = [sys.executable, "-c", _COUNTED, how, f"{tmp_path}/malloc.xml"]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert pools("kept") <= 2 < pools("as it is")
