#!/usr/bin/env python3
"""Prints the NCCL of the Python that runs it: the library and its version, separated by a space.

That is the one which `import torch` loads, where there is a torch with NCCL in it, else the one of
the wheel nvidia-nccl. Nothing and exit status 1 where there is neither. Standard library only.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path


def of_torch() -> Path | None:
    """Asks the loader: which library it is depends on torch's build and on LD_LIBRARY_PATH."""
    if importlib.util.find_spec("torch") is None:
        return None
    try:
        import torch  # noqa: F401
    except Exception:  # Whatever keeps torch from loading keeps an engine from running.
        return None
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        file = Path(line.partition("/")[1] + line.partition("/")[2])
        if file.name.startswith("libnccl.so"):
            return file
    return None


def of_wheel() -> Path | None:
    try:
        import nvidia.nccl
    except ImportError:
        return None
    files = (Path(folder) / "lib/libnccl.so.2" for folder in nvidia.nccl.__path__)
    return next((file for file in files if file.exists()), None)


def version(library: Path) -> str:
    number = ctypes.c_int()
    ctypes.CDLL(str(library)).ncclGetVersion(ctypes.byref(number))
    return f"{number.value // 10000}.{number.value // 100 % 100}.{number.value % 100}"


def main() -> int:
    library = of_torch() or of_wheel()
    if library is None:
        return 1
    print(library, version(library))
    return 0


if __name__ == "__main__":
    sys.exit(main())
