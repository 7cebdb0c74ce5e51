"""Simulates a network disk: a library that is loaded before the C library and replaces its functions.

Settings are environment variables of the process, and of those that it starts:

    SHIM_ENOLCK=1       no file can be locked: flock, lockf and fcntl answer ENOLCK
    SHIM_ESTALE=N       every N-th open, stat, listing or read of a path that holds SHIM_PATH answers ESTALE
    SHIM_PATH=TEXT      of which paths
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

Answer: TypeAlias = subprocess.CompletedProcess[str]

SOURCE = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int no_locks(void) {
    if (!getenv("SHIM_ENOLCK")) return 0;
    errno = ENOLCK;
    return 1;
}

static int stale(const char *path) {
    static int calls;
    const char *every = getenv("SHIM_ESTALE"), *part = getenv("SHIM_PATH");
    if (!every || !part || !path || !strstr(path, part)) return 0;
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) % atoi(every)) return 0;
    errno = ESTALE;
    return 1;
}

static int stale_file(int file) {
    char link[64], path[4096];
    if (!getenv("SHIM_ESTALE")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return stale(path);
}

int flock(int file, int operation) { return no_locks() ? -1 : REAL(flock)(file, operation); }
int lockf(int file, int command, off_t length) { return no_locks() ? -1 : REAL(lockf)(file, command, length); }

#define FCNTL(name) \
    int name(int file, int command, ...) { \
        va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list); \
        int locks = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW; \
        if (locks && no_locks()) return -1; \
        return REAL(name)(file, command, argument); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list); \
        return stale(path) ? -1 : REAL(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list); \
        return stale(path) ? -1 : REAL(name)(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

DIR *opendir(const char *path) { return stale(path) ? NULL : REAL(opendir)(path); }
int stat(const char *path, struct stat *found) { return stale(path) ? -1 : REAL(stat)(path, found); }
int stat64(const char *path, struct stat64 *found) { return stale(path) ? -1 : REAL(stat64)(path, found); }
ssize_t read(int file, void *to, size_t size) { return stale_file(file) ? -1 : REAL(read)(file, to, size); }
ssize_t pread(int file, void *to, size_t size, off_t at) {
    return stale_file(file) ? -1 : REAL(pread)(file, to, size, at);
}
ssize_t pread64(int file, void *to, size_t size, off64_t at) {
    return stale_file(file) ? -1 : REAL(pread64)(file, to, size, at);
}
"""


def built(folder: Path) -> Path:
    """The library, compiled into a folder. Skips the test where there is no C compiler, or the system is not Linux."""
    compiler = shutil.which("cc")
    if compiler is None or not Path("/proc/self/fd").is_dir():
        pytest.skip("needs a C compiler and Linux")
    if subprocess.run([compiler, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("the C compiler does not work")
    library = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-w", "-x", "c", "-", "-o", str(library), "-ldl"]
    subprocess.run(command, input=SOURCE, text=True, check=True)
    return library


def environment(library: Path, **settings: str | int) -> dict[str, str]:
    """The environment of a process with such a disk: `environment(library, ESTALE=5, PATH="features")`."""
    return {**os.environ, "LD_PRELOAD": str(library), **{f"SHIM_{key}": str(value) for key, value in settings.items()}}


class NetworkDisk:
    """Runs code in processes with such a disk; they are forked from one that has imported prep."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def sla(self, *arguments: str, cwd: Path, **settings: str | int) -> Answer:
        """The command, as typed; settings as those of `environment`."""
        return self.python("from sla_cli.cli.main import run; run()", *arguments, cwd=cwd, **settings)

    def python(self, code: str, *arguments: str, cwd: Path = Path("/"), **settings: str | int) -> Answer:
        """`python -c CODE ARGUMENTS...`."""
        assert self._server.stdin is not None and self._server.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            printed = [Path(folder) / name for name in ("stdout", "stderr")]
            for path in printed:
                path.touch()
            request = {"code": code, "arguments": arguments, "folder": str(cwd), "printed": [*map(str, printed)]}
            request["settings"] = {f"SHIM_{key}": str(value) for key, value in settings.items()}
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            returncode = int(self._server.stdout.readline())
            return subprocess.CompletedProcess(arguments, returncode, *(path.read_text("utf-8") for path in printed))


@contextmanager
def network_disk(folder: Path) -> Iterator[NetworkDisk]:
    """Builds the library in a folder, and starts the process from which others are forked."""
    command = [sys.executable, str(Path(__file__).with_name("shim_server.py"))]
    with subprocess.Popen(
        command, env=environment(built(folder)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield NetworkDisk(server)
