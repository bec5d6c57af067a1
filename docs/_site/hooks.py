"""What ``mkdocs`` does beyond its settings: pages from files outside ``docs/``, an offline check.

The README, CONTRIBUTING, the changelog and the notebooks are pages of the site. Their links work on
a code host and in the site: those that leave ``docs/`` are rewritten here.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
# A file of the repository -> the page of the site that is made from it.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "threat-model.md",
    **{
        f"notebooks/{path.name}": f"tutorials/{path.stem}.md"
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    },
}
LINK = re.compile(r"\[([^\[\]]*)\]\((?!\w+:|#)([^)\s]+)\)")
REMOTE = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?https?:|<link[^>]*stylesheet[^>]*https?:"
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from files outside ``docs/``."""
    for source, page in PAGES.items():
        path = ROOT / source
        text = path.read_text(encoding="utf-8")
        content = notebook_markdown(json.loads(text)) if path.suffix == ".ipynb" else text
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to files of the repository, pictures too, to the pages made from them."""
    sources = {target: source for source, target in PAGES.items()}
    here = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def rewritten(found: re.Match[str]) -> str:
        return page_link(found[1], found[2], here, page.file.src_uri)

    return LINK.sub(rewritten, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that fetches something from another host."""
    found = REMOTE.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} needs the network: {found[0]}")
    return output


def page_link(text: str, link: str, source: str, page: str) -> str:
    """A relative link of the file ``source`` as a link of the site's ``page``; only its text where
    the target is a file of the repository that is no page."""
    path, mark, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    goal = PAGES.get(target, target.removeprefix("docs/"))
    if goal == target and (ROOT / target).is_file():
        return text
    here = posixpath.relpath(goal, posixpath.dirname(page) or ".")
    return f"[{text}]({here}{mark}{anchor})"


def notebook_markdown(notebook: dict[str, Any]) -> str:
    """The cells of a notebook as Markdown: text as it is, code as blocks, outputs below them."""
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
            continue
        parts.append(f"```python\n{text}\n```")
        parts += [output_markdown(output) for output in cell.get("outputs", [])]
    return "\n\n".join(part for part in parts if part) + "\n"


def output_markdown(output: dict[str, Any]) -> str:
    """One output as Markdown: a picture inside the page, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![Output](data:image/png;base64,{data['image/png'].strip()})"
    text = "".join(output.get("text", data.get("text/plain", []))).strip("\n")
    return f"```text\n{text}\n```" if text else ""
