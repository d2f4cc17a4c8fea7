"""Why a run failed: what its log says, matched to a cause that a scientist can act on."""
