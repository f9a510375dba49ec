"""The Terraform module of deploy/: parsed, evaluated, and compared with the template that it deploys."""

import re
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from tests.templates import DEPLOY, template

MODULE = DEPLOY / "terraform"
OWN = {"name", "template_bucket", "tags"}
SECRETS = f"arn:aws:secretsmanager:eu-west-1:{'1' * 12}:secret"
GIVEN = {
    "template_bucket": "our-templates",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/studio-links@sha256:{'a' * 64}",
    "bot_token_secret_arn": f"{SECRETS}:bot-token-AbCdEf",
    "slack_secret_arn": f"{SECRETS}:slack-AbCdEf",
}


@cache
def module(folder: str = "") -> dict[str, Any]:
    """Return the blocks of all files: by kind, then by their labels."""
    import hcl2

    found: dict[str, Any] = {}
    for path in sorted((MODULE / folder).glob("*.tf")):
        parsed = hcl2.loads(path.read_text())
        for kind in parsed.keys() - {"__comments__"}:
            for block in parsed[kind]:
                merge(found.setdefault(kind, {}), block)
    return found


def merge(found: dict[str, Any], block: dict[str, Any]) -> None:
    for key, value in block.items():
        if isinstance(value, dict):
            merge(found.setdefault(key.strip('"'), {}), value)
        else:
            found[key.strip('"')] = value


def text(value: str) -> str:
    """Return a string of HCL without its quotes and escapes."""
    return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def search(pattern: str, given: str) -> bool:
    """Search as Terraform does, whose expressions have no lookaround and repeat a thousand times at most."""
    assert "(?" not in pattern
    assert all(int(number) <= 1000 for number in re.findall(r"\{\d*,?(\d+)\}", pattern))
    return re.search(pattern, given) is not None


def evaluate(value: Any, variables: dict[str, Any]) -> Any:
    """Evaluate an expression that this module uses, as Terraform does."""
    if not isinstance(value, str):
        return [evaluate(each, variables) for each in value] if isinstance(value, list) else value
    if value.startswith('"'):
        return text(value)
    code = value.removeprefix("${").removesuffix("}").replace("&&", "and").replace("||", "or")
    code = re.sub(r"\[for each in (\S+) : (.*)\]", r"[\2 for each in \1]", code)
    names: dict[str, Any] = {
        "__builtins__": {},
        "var": SimpleNamespace(**variables),
        "join": lambda separator, many: separator.join(many),
        "tostring": lambda given: str(given).lower() if isinstance(given, bool) else str(given),
        "contains": lambda many, one: one in many,
        "alltrue": all,
        "length": len,
        "can": bool,
        "regex": search,
    }
    return eval(code, names)  # noqa: S307 - the module's own text


def variables(**given: Any) -> dict[str, Any]:
    defaults = {name: evaluate(each.get("default"), {}) for name, each in module()["variable"].items()}
    return defaults | GIVEN | given


def refusals(**given: Any) -> list[str]:
    """Return the messages of the validations that refuse these variables."""
    values = variables(**given)
    checks = [check for each in module()["variable"].values() for check in each.get("validation", [])]
    return [text(check["error_message"]) for check in checks if not evaluate(check["condition"], values)]


def parameters(**given: Any) -> dict[str, str]:
    """Return the parameters of the stack."""
    [block] = [each for each in module()["locals"].items() if each[0] == "parameters"]
    return {name: evaluate(value, variables(**given)) for name, value in block[1].items()}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def expected() -> dict[str, dict[str, Any]]:
    """Return the template's parameters that the module takes: Terraform would keep the others in its state."""
    found = template()["Parameters"].items()
    return {name: each for name, each in found if not each.get("NoEcho")}


def test_module_has_the_parameters_of_the_template() -> None:
    assert module()["variable"].keys() == {snake(name) for name in expected()} | OWN
    assert parameters().keys() == expected().keys()


def test_defaults_are_those_of_the_template() -> None:
    defaults = {name: str(each.get("Default", "")) for name, each in expected().items()}
    needed = {name: value for name, value in parameters().items() if snake(name) in GIVEN}
    assert parameters() == defaults | needed
    assert {name for name, each in module()["variable"].items() if "default" not in each} == GIVEN.keys()


def test_variables_have_the_types_and_words_of_the_template() -> None:
    for name, each in expected().items():
        variable = module()["variable"][snake(name)]
        described = text(variable["description"])
        assert described
        if "Description" in each and name != "Image":
            assert described == each["Description"]
        is_list = each["Type"] == "CommaDelimitedList" or name == "Subnets"
        is_flag = each.get("AllowedValues") == ["true", "false"]
        kind = "list(string)" if is_list else "bool" if is_flag else each["Type"].lower()
        assert variable["type"].strip("${}") == kind


def test_values_reach_the_stack() -> None:
    given = parameters(
        transport="socket",
        replicas=3,
        require_mfa=False,
        domain_arns=["arn:aws:sagemaker:eu-west-1:1:domain/d-one", "arn:aws:sagemaker:eu-west-1:1:domain/d-two"],
        subnets=["subnet-1", "subnet-2"],
    )
    assert (given["Transport"], given["Replicas"], given["RequireMfa"]) == ("socket", "3", "false")
    assert given["DomainArns"].count(",") == 1
    assert given["Subnets"] == "subnet-1,subnet-2"


@pytest.mark.parametrize("name", sorted(expected()))
def test_validation_refuses_what_the_template_refuses(name: str) -> None:
    limits, variable = expected()[name], module()["variable"][snake(name)]
    limited = {"AllowedValues", "AllowedPattern", "MinValue"} & limits.keys()
    if not limited or limits.get("AllowedValues") == ["true", "false"]:
        assert name == "Image" or "validation" not in variable
        return
    wrong: Any = "not ours?"
    if limits["Type"] == "Number":
        wrong = limits.get("MinValue", 1) - 1
    [message] = refusals(**{snake(name): [wrong] if "list" in variable["type"] else wrong})
    assert message.startswith(f"{snake(name)} must ")


def test_good_variables_are_accepted() -> None:
    assert refusals() == []
    assert refusals(studio_external_id="a" * 1224) == []
    assert len(refusals(studio_external_id="a" * 1225)) == 1
    assert refusals(subnets=["subnet-0123456789abcdef0"], vpc_id="vpc-0123456789abcdef0") == []


def test_image_without_a_digest_is_refused() -> None:
    [message] = refusals(image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/studio-links:0.2.0")
    assert message.startswith("image needs a digest")


@pytest.mark.parametrize("name", ["bot_token_secret_arn", "slack_secret_arn"])
def test_secret_itself_is_refused_and_not_shown(name: str) -> None:
    [message] = refusals(**{name: "xoxb-1-2-3"})
    assert "xoxb" not in message
    assert not any("token" in each and "arn" not in each for each in module()["variable"])


def test_outputs_are_those_of_the_template() -> None:
    for name, each in template()["Outputs"].items():
        value = module()["output"][snake(name)]["value"]
        assert f'"{name}"' in value
        assert ("lookup(" in value) is ("Condition" in each)  # null where the stack has no such output
    assert module()["output"].keys() == {snake(name) for name in template()["Outputs"]}


def test_stack_takes_the_template_from_the_bucket() -> None:
    stack = module()["resource"]["aws_cloudformation_stack"]["this"]
    stored = module()["resource"]["aws_s3_object"]["template"]
    assert (MODULE / text(module()["locals"]["template"]).removeprefix("${path.module}/")).samefile(
        DEPLOY / "cloudformation.yaml"
    )
    assert "aws_s3_object.template.key" in stack["template_url"]
    assert "filesha256(local.template)" in stored["key"]  # a new template updates the stack
    assert stack["capabilities"] == ['"CAPABILITY_IAM"']


def test_documented_module_is_accepted() -> None:
    import hcl2

    page = (DEPLOY.parent / "docs/TERRAFORM.md").read_text()
    [shown] = re.findall(r"```hcl\n(.*?)```", page, re.DOTALL)
    found: dict[str, Any] = {}
    merge(found, hcl2.loads(shown.replace("sha256:...", GIVEN["image"].rpartition("@")[2]))["module"][0])
    given = {name: evaluate(value, {}) for name, value in found["studio_links"].items() if not name.startswith("__")}
    assert given.pop("source").partition("?")[0].endswith("//deploy/terraform")
    assert given.keys() <= module()["variable"].keys()
    assert refusals(**given) == []


def test_example_sets_only_variables_of_the_module() -> None:
    example = module("examples/socket-mode")
    call = {name for name in example["module"]["studio_links"] if not name.startswith("__")}
    assert (MODULE / "examples/socket-mode" / text(example["module"]["studio_links"]["source"])).samefile(MODULE)
    assert call - {"source"} <= module()["variable"].keys()
    assert GIVEN.keys() <= call
    assert "image_digest" in example["module"]["studio_links"]["image"]
