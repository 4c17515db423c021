"""Configuration of a node: one TOML file in its data folder, and a few environment variables.

Owns `hutong.toml` and the layout of the data folder. What an operator changes by commands (peers,
organisations let in, subscriptions) is not here but in the store: a file that programs and people
both edit loses somebody's change. An unknown key is an error that names it: a mistyped limit that
is silently ignored protects nobody.
"""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hutong_node.zones import zone_of

FILE_NAME: Final = "hutong.toml"
DEFAULT_PEER_PORT: Final = 8640
DEFAULT_LOCAL_PORT: Final = 8641
DEFAULT_BULLETIN_PORT: Final = 8642

Port = Annotated[int, Field(ge=0, le=65_535)]


class ConfigRefused(Exception):
    """The configuration can't be used; the message names the file, the key and the rule."""


class PeerListen(BaseModel):
    """Where other nodes reach this one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "0.0.0.0"
    """Everywhere, since other organisations dial in; TLS and HELLO guard it."""
    port: Port = DEFAULT_PEER_PORT
    public: str | None = None
    """The address that invites carry, `wss://host:port`; None where nobody can dial in."""
    tls: bool = True
    """False is allowed for loopback only: tests, or a proxy on the same machine."""


class LocalListen(BaseModel):
    """Where people and programs of this organisation reach the node."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Port = DEFAULT_LOCAL_PORT


def _is_loopback(host: str) -> bool:
    # As in `transport`, which takes half a second to load.
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class BulletinListen(BaseModel):
    """Where people look at what this node knows, and what of it they may see.

    Nobody is asked for a name here. So a bulletin that others can reach shows only the scopes that
    are listed for it, and `base` of their spaces.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = DEFAULT_BULLETIN_PORT
    public: bool = False
    scopes: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}/[a-z0-9-]{1,64}$")], ...] = ()
    address: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$")] | None = None
    """What others type, without a path: links that are passed on begin with it."""
    zone: str = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"

    @model_validator(mode="after")
    def _shows_nothing_by_mistake(self) -> Self:
        if not self.public and not _is_loopback(self.host):
            raise ValueError("another host than 127.0.0.1 needs `public = true` and `scopes`")
        if not self.public and self.address is not None:
            raise ValueError("an `address` for others needs `public = true` and `scopes`")
        if self.public and not self.scopes:
            raise ValueError(
                'a public bulletin shows what `scopes` lists: scopes = ["space/topic"]'
            )
        if zone_of(self.zone) is None:
            raise ValueError(f"there is no time zone {self.zone} on this machine")
        return self


class Policy(BaseModel):
    """What a node takes from others, spec 9.2. Bytes count headers and parts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation_bytes_max: Annotated[int, Field(ge=1_048_576)] = 2_147_483_648
    sessions_max: Annotated[int, Field(ge=1, le=1_024)] = 64
    sessions_per_address_max: Annotated[int, Field(ge=1, le=1_024)] = 16
    credit: Annotated[int, Field(ge=1, le=64)] = 8
    store_named: bool = True
    """Also the organisations that the stewards of needs name, in that scope. Spec 12.22."""


class ClockTrust(BaseModel):
    """Whether this machine's clock is right, whatever the peers' clocks say. Spec 5.2.6."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trusted: bool = False
    """True: records are signed although this clock is more than ten minutes off the peers'."""


class Config(BaseSettings):
    """Everything in `hutong.toml`. `HUTONG_PEER__PORT=9000` in the environment goes before it."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="HUTONG_", env_nested_delimiter="__"
    )

    organisation: Annotated[str, Field(min_length=1, max_length=300)]
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] | None = None
    """What its card calls it unless something else is said. Nothing is signed because of it."""
    peer: PeerListen = PeerListen()
    local: LocalListen = LocalListen()
    bulletin: BulletinListen = BulletinListen()
    policy: Policy = Policy()
    clock: ClockTrust = ClockTrust()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before file: a service manager can override without editing."""
        return env_settings, init_settings


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The folder that holds all state of a node, and the names in it."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.root / FILE_NAME

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.root / "hutong.db"

    @property
    def marker(self) -> Path:
        """The restore marker, outside the database. Spec: 5.1.5."""
        return self.root / "restore-marker"

    @property
    def keys(self) -> Path:
        """The folder of private keys, mode 0700."""
        return self.root / "keys"

    @property
    def certificate(self) -> Path:
        """The TLS certificate that peers pin."""
        return self.root / "tls" / "certificate.pem"

    @property
    def certificate_key(self) -> Path:
        """The private key of the certificate."""
        return self.root / "tls" / "key.pem"

    @property
    def token(self) -> Path:
        """The token of the local API, mode 0600."""
        return self.root / "api.token"

    @property
    def running(self) -> Path:
        """Written while a node runs: where its local API listens."""
        return self.root / "running.json"

    @property
    def lock(self) -> Path:
        """Held by the process that has the store open for writing."""
        return self.root / "lock"


def default_folder() -> Path:
    """`$HUTONG_HOME`, otherwise `~/.hutong`."""
    home = os.environ.get("HUTONG_HOME")
    return Path(home) if home else Path.home() / ".hutong"


def load_config(folder: DataFolder) -> Config:
    """The configuration of the node in `folder`.

    Raises:
        ConfigRefused: no node there, unreadable TOML (with line), an unknown key or a wrong value.
    """
    try:
        text = folder.config.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigRefused(
            f"no node in {folder.root}: make one with `hutong init --data {folder.root}`"
        ) from None
    except (OSError, UnicodeDecodeError) as refused:
        raise ConfigRefused(f"{folder.config} can't be read: {refused}") from refused
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as refused:
        raise ConfigRefused(f"{folder.config}: {refused}") from refused
    try:
        return Config(**values)
    except ValidationError as refused:
        raise ConfigRefused(_in_words(folder.config, text, refused)) from refused


def write_config(folder: DataFolder, config: Config) -> None:
    """Writes a new `hutong.toml`, with a comment on every key.

    Raises:
        FileExistsError: there is one; it is never overwritten.
    """
    with folder.config.open("x", encoding="utf-8") as stream:
        stream.write(_file_text(config))


def _file_text(config: Config) -> str:
    peer, local, policy = config.peer, config.local, config.policy
    bulletin = config.bulletin
    address = _or_example("address", bulletin.address, "https://bulletin.example.org")
    public = _or_example("public", peer.public, "wss://host:8640")
    kind = _or_example("kind", config.kind, "ngo")
    return f"""\
# A Hutong node. Peers, organisations let in and subscriptions are changed by commands, not here.

# The name by which people know this organisation.
organisation = {_toml(config.organisation)}
# What kind it is, for `hutong card`: ngo, foundation, gov ... Others see what the card says.
{kind}

[peer]
# Where other nodes dial in.
host = {_toml(peer.host)}
port = {peer.port}
# The address that invites carry. Leave it out where nobody can dial in: this node then dials.
{public}
# Without TLS only on a loopback address.
tls = {_toml(peer.tls)}

[local]
# Where people and programs of this organisation reach the node, with the token in api.token.
host = {_toml(local.host)}
port = {local.port}

[bulletin]
# Pages for people, without a password: what this node knows, in Chinese and English.
enabled = {_toml(bulletin.enabled)}
host = {_toml(bulletin.host)}
port = {bulletin.port}
# For others to see, on another host or behind a proxy: public = true, and which scopes they see.
public = {_toml(bulletin.public)}
scopes = [{", ".join(_toml(scope) for scope in bulletin.scopes)}]
{address}
# Times are shown in this zone; `language` (zh, en) is for those who ask for neither.
zone = {_toml(bulletin.zone)}
language = {_toml(bulletin.language)}

[policy]
# Headers and parts of one organisation; above it parts are not kept.
organisation_bytes_max = {policy.organisation_bytes_max}
sessions_max = {policy.sessions_max}
sessions_per_address_max = {policy.sessions_per_address_max}
# Frames of runs that a peer may have under way, 1 to 64.
credit = {policy.credit}
# Also store, in that scope, whom the needs of organisations let in name as provider, receiver and
# so on: without them accepted and received amounts may be wrong here. See `hutong org list`.
store_named = {_toml(policy.store_named)}

[clock]
# A node whose clock is more than ten minutes off its peers' signs nothing. true: sign all the same.
trusted = {_toml(config.clock.trusted)}
"""


def _or_example(key: str, value: str | None, example: str) -> str:
    """A line of the file; one that is commented out where there is no value."""
    return f"{key} = {_toml(value)}" if value else f"# {key} = {_toml(example)}"


def _toml(value: str | bool) -> str:
    # A JSON string is a TOML basic string, except that TOML wants U+007F escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _in_words(file: Path, text: str, refused: ValidationError) -> str:
    problems = []
    for error in refused.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in error["loc"])
        said = error["msg"].removeprefix("Value error, ")
        rule = "unknown key" if error["type"] == "extra_forbidden" else said
        problems.append(f"{file}{_line_of(text, str(error['loc'][-1]))}: {place}: {rule}")
    return "\n".join(problems)


def _line_of(text: str, key: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.split("=")[0].strip().strip('"') == key or line.strip() == f"[{key}]":
            return f", line {number}"
    return ""
