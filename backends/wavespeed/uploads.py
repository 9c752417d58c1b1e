"""Images on their way to WaveSpeed: small ones inside the request, large ones uploaded first."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from backends.remote.client import Api, Backoff
from backends.remote.downloads import Downloads, deadline_in
from backends.remote.public_addresses import ForbiddenAddressError
from backends.wavespeed.predictions import outcome
from core.errors import BadResponseError, UnavailableError
from core.pictures import Picture
from core.words import english

LARGE = 6_000_000
"""Bytes of a data URI beyond which an image is uploaded first."""
UPLOAD_S = 15.0
"""How long a failed upload is tried again."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Gets images to one service; the file itself travels without the key."""

    api: Api
    downloads: Downloads
    deadline_s: float

    async def reference(self, picture: Picture) -> str:
        """Return what goes into `image`: a data URI, or an upload's address for large images."""
        encoded = base64.b64encode(picture.data).decode()
        uri = f"data:{picture.media_type};base64,{encoded}"
        return uri if len(uri) <= LARGE else await self._upload(picture)

    async def _upload(self, picture: Picture) -> str:
        """Upload an image and return its address; costs nothing, so it is tried again."""
        backoff = Backoff(deadline_in(min(UPLOAD_S, self.deadline_s)))
        while True:
            try:
                return await self._uploaded(picture)
            except ForbiddenAddressError:
                raise
            except (UnavailableError, BadResponseError) as error:
                try:
                    await backoff.pause()
                except TimeoutError:
                    raise error from None

    async def _uploaded(self, picture: Picture) -> str:
        """Upload in the two steps of the service; the second goes without the key."""
        suffix = picture.media_type.rpartition("/")[2]
        wish = {
            "filename": f"{picture.sha256[:16]}.{suffix}",
            "size": len(picture.data),
            "content_type": picture.media_type,
        }
        answer = await self.api.ask("POST", "/api/v3/media/uploads", wish, seconds=30)
        ticket = outcome(self.api.service, answer)
        address, upload = ticket.get("download_url"), ticket.get("upload")
        if not isinstance(address, str) or not isinstance(upload, dict):
            raise UnavailableError(
                english("service-did-not-take-image", service=self.api.service),
                advice=english("service-try-again-or-make-image"),
            )
        headers = upload.get("headers")
        await self.downloads.put(
            str(upload.get("url")), picture.data, headers if isinstance(headers, dict) else {}
        )
        return address
