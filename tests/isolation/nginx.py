"""A real nginx in front of the program, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
FRAME = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{servers}
}}
"""
STOCK = """
  server {{
    listen {address};
    client_max_body_size 25m;
    location / {{ proxy_pass http://{upstream}; {lines} }}
  }}
"""
FORWARDING = (
    "proxy_http_version 1.1; proxy_buffering off; proxy_set_header Host $http_host; "
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
    "proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;"
)


def server(address: str, upstream: str, lines: str = "") -> str:
    """Return a server that passes everything on; without further lines a stock one."""
    return STOCK.format(address=address, upstream=upstream, lines=lines)


class Nginx:
    """Runs until it is stopped; `check` is an address that answers once it is there."""

    def __init__(self, folder: Path, servers: str, *, check: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # As root its worker would be somebody who may not enter our folder.
        user = "user root;" if os.geteuid() == 0 else ""
        file = folder / "nginx.conf"
        file.write_text(FRAME.format(folder=folder, servers=servers, user=user))
        self._command = [str(NGINX), "-p", str(folder), "-c", str(file)]
        said = subprocess.run([*self._command, "-t"], capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        self._process = subprocess.Popen(self._command, stderr=(folder / "said.txt").open("wb"))
        wait_for(check)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def wait_for(address: str, seconds: float = 20) -> None:
    """Return when something answers there."""
    end = time.monotonic() + seconds
    while True:
        try:
            httpx.get(address, timeout=5, verify=False)
            return
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
