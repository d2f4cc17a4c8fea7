"""What the phases that touch the world work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reprokit.bases.protocol import BaseFamily
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.engines.protocol import Engine
from reprokit.progress import Reporter
from reprokit.site import Site
from reprokit.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """An engine, how this site reaches the network, the store, and the plugins."""

    engine: Engine
    site: Site
    store: Store
    reporter: Reporter
    ecosystems: Mapping[str, Ecosystem]
    families: Mapping[str, BaseFamily]

    def with_whole_site(self) -> Powers:
        """With what pip's, uv's and Maven's own settings say, which a warm run need not know."""
        from reprokit import site_files

        return replace(self, site=site_files.completed(self.site, self.reporter.warning))
