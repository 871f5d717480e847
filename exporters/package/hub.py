"""A package on the Hugging Face Hub."""

from __future__ import annotations

import re
from pathlib import Path

from genocc.errors import GenoccError, quoted

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"


def check_repository(name: str) -> None:
    """Refuses what is no ``USER/NAME``, and a machine without the library, before any work; raises GenoccError."""
    if not re.fullmatch(f"{_PART}/{_PART}", name) or "--" in name or ".." in name:
        raise GenoccError(f"--push: found {quoted(name)}; expected a repository of the Hub, USER/NAME")
    try:
        import huggingface_hub  # noqa: F401
    except ImportError:
        raise GenoccError("--push: huggingface_hub is not installed; pip install 'genocc[hub]'") from None


def push(folder: str | Path, repository: str) -> str:
    """Uploads a folder as one commit of a model repository, which is made where there is none.

    Who does so, and where the Hub is, huggingface_hub knows: ``hf auth login``, ``HF_TOKEN``, ``HF_ENDPOINT``.

    Args:
        folder: Of a package.
        repository: ``USER/NAME``.

    Returns:
        The address of the commit.

    Raises:
        GenoccError: The library is missing, the Hub refuses, or it cannot be reached.
    """
    check_repository(repository)
    from huggingface_hub import HfApi

    try:
        api = HfApi(library_name="genocc")
        api.create_repo(repository, repo_type="model", exist_ok=True)
        commit = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Package of genocc")
    except Exception as error:  # of the library's own classes, and of those of the HTTP client below it
        said = " ".join(str(error).split()) or type(error).__name__
        raise GenoccError(f"--push {repository}: {said[:300]}; {folder} is complete: try again later") from None
    return str(commit.commit_url)
