"""Real load balancers in front of several bots: nginx and haproxy, with connections to the bots that stay open."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection

from tests.programs import program
from tests.scenario.conftest import free_port
from tests.waiting import wait_until

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream bots {{
    {servers}
    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://bots;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option redispatch 1
  http-reuse always
frontend slack
  bind 127.0.0.1:{port}
  default_backend bots
backend bots
  {servers}
"""


@contextmanager
def proxy(name: str, bots: Sequence[int], folder: Path) -> Iterator[int]:
    """Run the proxy in front of the bots on these ports; yield its own port."""
    path, port, config = program(name), free_port(), folder / f"{name}.conf"
    if name == "nginx":
        servers = "\n    ".join(f"server 127.0.0.1:{bot} max_fails=0;" for bot in bots)
        config.write_text(NGINX.format(folder=folder, port=port, servers=servers))
        command = [path, "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", str(config)]
    else:
        servers = "\n  ".join(f"server bot{bot} 127.0.0.1:{bot} check inter 200ms" for bot in bots)
        config.write_text(HAPROXY.format(port=port, servers=servers))
        command = [path, "-db", "-f", str(config)]
    with (folder / f"{name}.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until_it_listens(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    def listens() -> bool:
        assert process.poll() is None
        with suppress(OSError), create_connection(("127.0.0.1", port), 1):
            return True
        return False

    wait_until(listens)
