"""What the phases that touch the world work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reprokit.bases.protocol import BaseFamily
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import LockedBase
from reprokit.progress import Reporter
from reprokit.site import Site
from reprokit.store import Store


@frozen
class Powers:
    """An engine, how this site reaches the network, the store, and the plugins."""

    engine: Engine
    site: Site
    store: Store
    reporter: Reporter
    ecosystems: Mapping[str, Ecosystem]
    families: Mapping[str, BaseFamily]

    def family(self, base: LockedBase) -> BaseFamily:
        """Who gives a base. Raises BadRequest where no plugin does."""
        if base.family not in self.families:
            raise BadRequest(
                f"nothing here gives bases of the family {base.family!r}",
                where="repro.lock",
                next="install the plugin that it was made with; `reprokit plugins` lists them",
            )
        return self.families[base.family]

    def with_whole_site(self) -> Powers:
        """With what pip's, uv's and Maven's own settings say, which a warm run need not know."""
        from reprokit import site_files

        return replace(self, site=site_files.completed(self.site, self.reporter.warning))
