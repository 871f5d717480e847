"""Faults of the operating system, for tests: a library that is loaded before a program and fails its calls.

``FAULT`` names them: a part of a path, a call (open, write, fsync, rename, mkdir) and an errno. Writing fails after
``FAULT_AFTER`` bytes to files of that path.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long written;

static int concerns(const char *call, const char *path) {
    const char *part = getenv("FAULT_PATH"), *which = getenv("FAULT_CALL");
    return part && which && path && !strcmp(which, call) && strstr(path, part);
}

static int fail(void) { errno = atoi(getenv("FAULT_ERRNO")); return -1; }

static int concerns_fd(const char *call, int fd) {
    char link[64], path[4096];
    if (!getenv("FAULT_CALL") || strcmp(getenv("FAULT_CALL"), call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return concerns(call, path);
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    return concerns("open", path) ? fail() : REAL(int, name, const char *, int, ...)(path, flags, mode); }
OPEN(open)
OPEN(open64)

int openat(int folder, const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    return concerns("open", path) ? fail() : REAL(int, openat, int, const char *, int, ...)(folder, path, flags, mode);
}

#define FOPEN(name) FILE *name(const char *path, const char *mode) { \
    if (concerns("open", path)) { fail(); return NULL; } \
    return REAL(FILE *, name, const char *, const char *)(path, mode); }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int fd, const void *buffer, size_t size) {
    if (concerns_fd("write", fd)) {
        const char *after = getenv("FAULT_AFTER");
        if (written + (long)size > (after ? atol(after) : 0)) return fail();
        written += size;
    }
    return REAL(ssize_t, write, int, const void *, size_t)(fd, buffer, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (concerns_fd("write", fd)) return fail();
    return REAL(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
}

ssize_t read(int fd, void *buffer, size_t size) {
    if (concerns_fd("read", fd)) return fail();
    return REAL(ssize_t, read, int, void *, size_t)(fd, buffer, size);
}

int fsync(int fd) { return concerns_fd("fsync", fd) ? fail() : REAL(int, fsync, int)(fd); }

int rename(const char *old, const char *new) {
    if (concerns("rename", old) || concerns("rename", new)) return fail();
    return REAL(int, rename, const char *, const char *)(old, new);
}

int mkdir(const char *path, mode_t mode) {
    return concerns("mkdir", path) ? fail() : REAL(int, mkdir, const char *, mode_t)(path, mode);
}
"""


def library(folder: Path) -> Path:
    """Compiles the library; skips the test where there is no compiler for it."""
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no gcc for a library that fails calls")
    source, made = folder / "faults.c", folder / "faults.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


def faulty(
    faults: Path, path: str, call: str, number: int, *arguments: object, after: int = 0, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs ``genocc`` with a call that fails.

    Args:
        faults: The `library`.
        path: A part of the paths that it concerns.
        call: open, read, write, fsync, rename or mkdir.
        number: The errno.
        *arguments: Of the command.
        after: Bytes that can be written before.
        cwd: The working directory.
    """
    environment = {
        **os.environ,
        "LD_PRELOAD": str(faults),
        "FAULT_PATH": path,
        "FAULT_CALL": call,
        "FAULT_ERRNO": str(number),
        "FAULT_AFTER": str(after),
    }
    command = [sys.executable, "-m", "genocc", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=cwd, timeout=300)


NUMBERS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)
"""What disks answer."""
