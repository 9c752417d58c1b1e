"""A page elsewhere lets its own name point at this machine, and still gets nothing from it."""

from __future__ import annotations

from typing import Any

from tests.end_to_end.program import Playground

EVIL = "evil.example"
ASK = """
async ([path, body]) => {
  const asked = body ? {method: 'POST', body: JSON.stringify(body),
    headers: {'Content-Type': 'application/json'}} : {};
  const answer = await fetch(path, asked);
  return [answer.status, await answer.text()];
}
"""
MAKE = ["an image for somebody else", "wavespeed", "", 256, 256, 4, 0, 1, ""]


def test_a_foreign_name_that_points_here_makes_no_job_and_reads_no_history(
    chromium: Any, playground: Playground
) -> None:
    """The browser takes it for one site, so neither Origin nor cookies would stop it."""
    mine = playground.client()
    mine.predict("a secret lighthouse", width=256, height=256, api_name="/text_to_image")
    before = mine.predict(api_name="/jobs")
    context = chromium.new_context()
    page = context.new_page()
    address = f"http://{EVIL}:{playground.port}"
    # What the foreign server answered while the name still was its own.
    page.route(f"{address}/lure", lambda route: route.fulfill(body="<h1>Free images</h1>"))
    page.goto(f"{address}/lure")
    answers = [
        page.evaluate(ASK, [path, body])
        for path, body in (
            ("/gradio_api/run/text_to_image", {"data": MAKE}),
            ("/gradio_api/call/text_to_image", {"data": MAKE}),
            ("/gradio_api/run/history", {"data": [50, "", "", False]}),
            ("/gradio_api/run/list", {"data": ["", "", False]}),
            ("/gradio_api/mcp/schema", None),
            ("/config", None),
            ("/", None),
        )
    ]
    context.close()
    assert [status for status, _ in answers] == [421] * len(answers), answers
    assert all("SRPO_HOSTS" in said and "lighthouse" not in said for _, said in answers)
    assert mine.predict(api_name="/jobs") == before
