"""What can be set from outside: environment variables or a `.env` file, one field each.

Names and defaults are part of the product; README's table is made from these classes.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InputError
from core.jobs.budget import Budget

ORIGIN = re.compile(
    r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?"
)

HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
NAMED = re.compile(r"(https?)?://([^/@:]*)(?::([^/]*))?@", re.IGNORECASE)
QUERY = re.compile(
    r"[?&#](?:[^=&#]*(?:key|token|secret|pass|pwd|sig|auth|credential)[^=&#]*|code)=([^&#]+)",
    re.IGNORECASE,
)


def _web_address(value: str) -> str:
    """Take a web address: one that cannot be read would be quoted, with half its password."""
    if value.strip() and not _is_web_address(value.strip()):
        raise ValueError(
            "it takes an address such as https://example.com/v1; in a password in it, signs "
            "such as / # ? @ are written %2F %23 %3F %40"
        )
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""Where a service is reached, or "" for nowhere."""
Concurrency = Annotated[int, Field(ge=1, le=500, description="Jobs in flight.")]
PerMinute = Annotated[
    int | None,
    Field(ge=1, le=6000, description="Requests for images in a minute; no limit if empty."),
]


class Settings(BaseSettings):
    """What a deployment can change of the program itself; each backend adds a class of its own.

    `backends.Settings` has them all; Gradio's own variables stay Gradio's.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    srpo_backend: str = Field(
        "", description="Backend that is selected at first; the best that is ready if empty."
    )
    srpo_data_dir: Path = Field(Path("data"), description="Database and images.")
    database_url: SecretStr | None = Field(
        None, description="Where jobs and history are kept, as an SQLAlchemy URL."
    )
    storage_url: SecretStr | None = Field(
        None, description="Where images are kept, as an fsspec URL."
    )
    srpo_budget_day_usd: float | None = Field(
        None, ge=0, description="What may be spent in a day (UTC)."
    )
    srpo_budget_owner_day_usd: float | None = Field(
        None, ge=0, description="What one owner may spend in a day (UTC)."
    )
    srpo_budget_batch_usd: float | None = Field(
        None, ge=0, description="What the images of one click may cost."
    )
    srpo_limit_images_per_click: int | None = Field(
        None, ge=1, le=100, description="Images of one click; 8 on a public instance if empty."
    )
    srpo_limit_waiting: int | None = Field(
        None, ge=1, description="Images of one owner that wait; 20 on a public instance if empty."
    )
    srpo_limit_waiting_stranger: int | None = Field(
        None,
        ge=1,
        description="The same for scripts without a token, of one network address; 3 on a public "
        "instance if empty.",
    )
    srpo_limit_paid_per_owner_hour: int | None = Field(
        None,
        ge=1,
        description="Paid images an hour for one owner; 30 on a public instance if empty.",
    )
    srpo_limit_paid_per_address_hour: int | None = Field(
        None,
        ge=1,
        description="Paid images an hour from one network address; 60 on a public instance if "
        "empty.",
    )
    srpo_confirm_above_usd: float = Field(
        0.1, ge=0, description="The page asks before a click that costs more."
    )
    srpo_blur_flagged: bool = Field(
        True,
        description="0: images that a service's safety check flagged are shown without asking.",
    )
    srpo_trash_days: float = Field(
        30, ge=0, le=36_500, description="Days that a deleted image can be restored."
    )
    srpo_share: bool = Field(
        False,
        description="1: owners can make links by which others look at an image or a set; prompts "
        "and settings are shown with it. Each can be revoked; 0 closes all of them.",
    )
    srpo_embed: str = Field(
        "", description="Origins whose pages may show this one in a frame, separated by spaces."
    )
    srpo_auth: SecretStr | None = Field(None, description="`user:password[,user:password]`.")
    srpo_admins: str = Field(
        "",
        description="Users who see everybody's sums and the balance, and resume stopped queues, "
        "separated by commas.",
    )
    srpo_hosts: str = Field(
        "", description="Further host names this server answers to, separated by commas."
    )
    srpo_trusted_proxies: str = Field(
        "",
        description="Networks of proxies whose `X-Forwarded-*` headers are believed, for limits "
        "and links, separated by commas.",
    )
    srpo_local_owner: bool = Field(
        True, description="0: nobody is the owner of this machine, not even on it."
    )
    srpo_public_spending: bool = Field(
        False, description="1: visitors of a public instance spend your money without a budget."
    )
    srpo_limit_upload_files: int | None = Field(
        None, ge=1, description="Files one caller may upload in an hour; 60 on a public instance."
    )
    srpo_limit_upload_mb: int | None = Field(
        None, ge=1, description="Megabytes of them; 200 on a public instance."
    )
    srpo_poll_interval: float | None = Field(
        None, gt=0, description="Fixed seconds between polls, for tests."
    )
    srpo_sandbox_latency: float = Field(
        2.0, ge=0, le=120, description="Seconds a sandbox image takes."
    )

    @field_validator("srpo_embed")
    @classmethod
    def _origins(cls, value: str) -> str:
        """Take origins only: the value becomes part of a header."""
        if not all(ORIGIN.fullmatch(origin) for origin in value.split()):
            raise ValueError("it takes origins such as https://example.com, separated by spaces")
        return " ".join(value.split())

    @field_validator("srpo_auth")
    @classmethod
    def _pairs(cls, value: SecretStr | None) -> SecretStr | None:
        """Take pairs that each have a user and a password: half a pair would leave a door open."""
        if value is None:
            return None
        users = []
        for pair in value.get_secret_value().split(","):
            user, _, password = pair.partition(":")
            if not user.strip() or not user.strip().isprintable() or not password.strip():
                raise ValueError(
                    "it takes user:password, several separated by commas, and each needs both a "
                    "user and a password"
                )
            users.append(user.strip())
        if len(set(users)) < len(users):
            raise ValueError("it names a user twice")
        return value

    @field_validator("srpo_hosts")
    @classmethod
    def _host_names(cls, value: str) -> str:
        """Take names, each with any number of subdomains if it begins with `*.`."""
        names = listed(value.lower())
        if not all(HOST.fullmatch(name) for name in names):
            raise ValueError("it takes host names such as play.example.com, separated by commas")
        return ",".join(names)

    @field_validator("srpo_trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        """Take addresses and networks."""
        try:
            return ",".join(str(ip_network(one, strict=False)) for one in listed(value))
        except ValueError:
            raise ValueError(
                "it takes networks such as 127.0.0.1 or 10.0.0.0/8, separated by commas"
            ) from None

    @property
    def admins(self) -> frozenset[str]:
        """The names in `SRPO_ADMINS`."""
        return frozenset(listed(self.srpo_admins))

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.srpo_data_dir / 'playground.db').resolve()}"

    @property
    def storage(self) -> str:
        """The fsspec URL in force."""
        if self.storage_url:
            return self.storage_url.get_secret_value()
        return str(self.srpo_data_dir.resolve())

    @property
    def budget(self) -> Budget:
        """What may be spent."""
        return Budget(
            self.srpo_budget_day_usd, self.srpo_budget_owner_day_usd, self.srpo_budget_batch_usd
        )

    @property
    def users(self) -> list[tuple[str, str]]:
        """The pairs of `SRPO_AUTH`."""
        if self.srpo_auth is None:
            return []
        pairs = [pair.partition(":") for pair in self.srpo_auth.get_secret_value().split(",")]
        return [(user.strip(), password) for user, _, password in pairs]

    def secrets(self) -> list[str]:
        """Return what must never be written down: keys, and passwords of users and addresses.

        Every field that is a secret is found by its type, every address by its form.
        """
        given = {name: getattr(self, name) for name in type(self).model_fields}
        hidden = {n: v.get_secret_value() for n, v in given.items() if isinstance(v, SecretStr)}
        keys = [v for n, v in hidden.items() if not (n.endswith("_url") and "://" in v)]
        addresses = [value for value in (given | hidden).values() if isinstance(value, str)]
        found = [part for one in addresses for part in _inside(one)]
        passwords = [*found, *(unquote(part) for part in found)]
        return [*keys, *passwords, *(password for _, password in self.users)]

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a pickle would hold the keys in clear."""
        raise TypeError("Settings hold keys and cannot be pickled.")


def _inside(address: str) -> list[str]:
    """Return the passwords and keys that an address carries, a key in place of a user included."""
    named = [found.groups() for found in NAMED.finditer(address)]
    signs = [password or (user if scheme else "") for scheme, user, password in named]
    return [*filter(None, signs), *(QUERY.findall(address) if "://" in address else [])]


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    known = parts.scheme in ("http", "https") and parts.hostname and port != 0
    return bool(known) and not parts.fragment and value.isprintable() and " " not in value


def listed(value: str) -> list[str]:
    """Split a setting at commas and spaces."""
    return value.replace(",", " ").split()


Kind = TypeVar("Kind", bound=Settings)


def load(kind: type[Kind]) -> Kind:
    """Read the environment and `.env`, or say in one sentence which value is wrong."""
    try:
        return kind()
    except ValidationError as error:
        finding = error.errors(include_url=False, include_input=False)[0]
        name = str(finding["loc"][0]).upper()
        problem = finding["msg"].lower().removeprefix("value error, ")
        raise InputError(
            f"The setting {name} cannot be used: {problem}.",
            field=name,
            advice="Change it in the environment or in .env and start again.",
        ) from None
