"""What is taken out of layers, or written anew, since it differs from build to build.

What changes here changes digests: a rule is added, altered or removed only together with the
policy's name. Rules see the layers above the base only; the base stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from reprokit.frozen import frozen
from reprokit.identity import keystore, texts
from reprokit.identity.tree import Node


@frozen
class Rule:
    """Files that do not belong to an image's identity: `why` in words.

    pattern: a regular expression for the whole path. only_empty: files with content stay, and so do
    folders with something in them. Without it, folders stay in any case.
    """

    pattern: re.Pattern[str]
    why: str
    only_empty: bool = False

    def takes(self, path: str, node: Node, *, empty: bool) -> bool:
        """Whether the rule leaves this out. `empty` says so of a file or folder."""
        if not empty if self.only_empty else node.kind == "folder":
            return False
        return self.pattern.fullmatch(path) is not None


@frozen
class Rewriting:
    """Files whose content is written anew; `rewrite` takes and gives all of it."""

    pattern: re.Pattern[str]
    why: str
    rewrite: Callable[[bytes, int], bytes]


DROPPED = (
    Rule(pattern=re.compile(r"var/log/.+"), why="logs state times"),
    Rule(pattern=re.compile(r"var/cache/apt/(?:src)?pkgcache\.bin"), why="apt's cache holds times"),
    Rule(pattern=re.compile(r"var/cache/ldconfig/aux-cache"), why="ldconfig's cache holds inodes"),
    Rule(
        pattern=re.compile(r"etc/machine-id|var/lib/dbus/machine-id"),
        why="a machine's id is random, and an image is no machine",
    ),
    Rule(
        pattern=re.compile(
            r"etc/ssh/ssh_host_.+_key(?:\.pub)?|etc/ssl/certs/ssl-cert-snakeoil\.pem"
            r"|etc/ssl/private/ssl-cert-snakeoil\.key"
        ),
        why="keys are random, and everybody who has the image has them",
    ),
    Rule(
        pattern=re.compile(r"(?:.+/)?\.cache/matplotlib/fontlist-.+\.json"),
        why="matplotlib's list of fonts holds times",
    ),
    Rule(
        # LuaTeX's differ with the addresses of memory, and Knuth's tex knows no date but today's.
        pattern=re.compile(r"var/lib/texmf/(?:.+\.log|web2c/(?:lua\w+|tex)/[^/]+\.fmt)"),
        why="formats of TeX that are never the same; TeX makes one where it needs it",
    ),
    Rule(
        pattern=re.compile(
            r"\.dockerenv|run/\.containerenv|(?:proc|sys|dev)(?:/.*)?|etc/mtab|mnt/.+"
        ),
        why="engines mount over it, and some leave what they mounted on",
        only_empty=True,
    ),
    Rule(
        pattern=re.compile(r"etc/(?:hostname|hosts|resolv\.conf)"),
        why="every container gets its own, and packages write them where an engine does not",
    ),
)

REWRITTEN = (
    Rewriting(
        pattern=re.compile(r"etc/ssl/certs/java/cacerts"),
        why="Java's certificate store states when each was added",
        rewrite=keystore.dated,
    ),
    Rewriting(
        pattern=re.compile(r"var/lib/texmf/ls-R(?:-\w+)?"),
        why="TeX's list of its files is in the order of the disk",
        rewrite=texts.sorted_file_list,
    ),
    Rewriting(
        pattern=re.compile(r"usr/share/octave/octave_packages"),
        why="Octave's list of its packages states when it was written",
        rewrite=texts.without_octave_time,
    ),
)


def dropped(path: str, node: Node, *, empty: bool) -> Rule | None:
    """The rule that leaves this member of a layer out; `empty` says that nothing is in it."""
    return next((rule for rule in DROPPED if rule.takes(path, node, empty=empty)), None)


def rewriting(path: str) -> Rewriting | None:
    """The rule that writes this file anew."""
    return next((rule for rule in REWRITTEN if rule.pattern.fullmatch(path)), None)
