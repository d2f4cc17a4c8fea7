"""The identity of an image: the same lock and code give the same digest on every engine.

`docker build` twice gives two images: times, logs and the engine's own notes differ. Here a built
image is brought into a canonical form: the base's layers stay as they are, each layer above is
reduced to what it really changes and written in one way only, and so is the config. The digest of
that config is the environment digest. docs/identity.md says what is guaranteed.
"""

POLICY = "layers-2"
"""The name of the rules (reprokit.identity.policy) that canonical images are made by."""

LABEL = "org.reprokit.policy"
"""The label of an image that names those rules."""
