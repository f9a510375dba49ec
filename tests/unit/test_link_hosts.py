"""The hosts to which a sign-in link may lead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.aws.link_hosts import checked
from bot.core.errors import StudioError
from bot.core.link import Reason

REGION, SECRET = "eu-west-1", "s3cr3t"
HERE, AWS = "http://127.0.0.1:5001", "https://api.sagemaker.eu-west-1.amazonaws.com"
STUDIO = "d-1.studio.eu-west-1.sagemaker.aws"

KNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "SageMaker's": (f"https://{STUDIO}/auth?token={SECRET}", {}),
    "GovCloud's": ("https://d-1.studio.us-gov-west-1.sagemaker.aws/auth?token=x", {"region": "us-gov-west-1"}),
    "China's": ("https://d-1.studio.cn-north-1.sagemaker.com.cn/auth?token=x", {"region": "cn-north-1"}),
    "listed": ("https://studio.example.com/auth?token=x", {"listed": ("studio.example.com",)}),
    "below a listed name": ("https://d-1.studio.example.com/auth", {"listed": ("*.studio.example.com",)}),
    "of another partition, listed": (
        "https://d-1.studio.eusc-de-east-1.example.eu/auth",
        {"region": "eusc-de-east-1", "listed": ("*.studio.eusc-de-east-1.example.eu",)},
    ),
    "the stand-in's": ("http://127.0.0.1:5002/studio/d-1/auth?token=x", {"endpoint": HERE}),
    "the stand-in's on IPv6": ("http://[::1]:5002/auth", {"endpoint": "http://[::1]:5001"}),
    "SageMaker's from a stand-in": (f"https://{STUDIO}/auth", {"endpoint": HERE}),
}

UNKNOWN = {
    "another server": "https://evil.example/auth",
    "plain HTTP": f"http://{STUDIO}/auth",
    "another port": f"https://{STUDIO}:8443/auth",
    "the usual port": f"https://{STUDIO}:443/auth",
    "another region": "https://d-1.studio.us-east-1.sagemaker.aws/auth",
    "another partition": "https://d-1.studio.eu-west-1.sagemaker.com.cn/auth",
    "a longer end": f"https://{STUDIO}.evil.example/auth",
    "a name that ends alike": "https://d-1.studio.eu-west-1.evilsagemaker.aws/auth",
    "no domain": "https://studio.eu-west-1.sagemaker.aws/auth",
    "an empty domain": "https://.studio.eu-west-1.sagemaker.aws/auth",
    "a name below the domain": f"https://evil.{STUDIO}/auth",
    "a notebook": "https://d-1.notebook.eu-west-1.sagemaker.aws/auth",
    "a trailing dot": f"https://{STUDIO}./auth",
    "this machine": "http://127.0.0.1:5001/auth",
    "this machine by name": "https://localhost/auth",
}

UNUSABLE = {
    "a user name": f"https://{STUDIO}@evil.example/auth",
    "a user name before it": f"https://evil.example@{STUDIO}/auth",
    "a backslash": f"https://evil.example\\.{STUDIO}/auth",
    "a backslash behind it": f"https://{STUDIO}\\@evil.example/auth",
    "an encoded dot": "https://evil%2eexample/auth",
    "an encoded slash": f"https://evil.example%2f.{STUDIO}/auth",
    "a fragment": f"https://evil.example#.{STUDIO}/auth",
    "upper case": f"https://{STUDIO.upper()}/auth",
    "a wide dot": "https://evil。example/auth",
    "no scheme": f"//{STUDIO}/auth",
    "a tab": f"https://{STUDIO}\t/auth",
    "a letter in the port": f"https://{STUDIO}:44x/auth",
}


def check(url: str, *, region: str = REGION, endpoint: str = AWS, listed: tuple[str, ...] = ()) -> str:
    return checked(url, region=region, endpoint=endpoint, listed=listed)


@pytest.mark.parametrize(("url", "where"), KNOWN.values(), ids=KNOWN)
def test_link_to_a_known_host_is_accepted(url: str, where: dict[str, Any]) -> None:
    assert check(url, **where) == url


@pytest.mark.parametrize("url", UNKNOWN.values(), ids=UNKNOWN)
def test_link_to_an_unknown_host_is_refused(url: str) -> None:
    with pytest.raises(StudioError, match="STUDIO_LINK_HOSTS") as refused:
        check(f"{url}?token={SECRET}", listed=("studio.example.com", "*.studio.example.org"))

    assert refused.value.reason is Reason.LINK_HOST_UNKNOWN
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("url", UNUSABLE.values(), ids=UNUSABLE)
def test_link_that_parsers_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(StudioError) as refused:
        check(url, endpoint=HERE)

    assert refused.value.reason is Reason.AWS_UNEXPECTED


@given(st.text(alphabet="abz019.-@:/\\#?%[]_ \tA。", max_size=40), st.sampled_from(["", STUDIO, "evil.example"]))
def test_accepted_link_leads_to_studio_for_every_parser(text: str, end: str) -> None:
    try:
        url = check(f"https://{text}{end}")
    except StudioError:
        return
    host = url.removeprefix("https://").split("/")[0].split("?")[0]
    assert host.partition(".")[2] == "studio.eu-west-1.sagemaker.aws"
    assert not set(host) & set("@:\\#%[]_ ")
