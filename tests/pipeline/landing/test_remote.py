"""Sources on a remote file system: fetched once, again when they change; what is said when they cannot be."""

import fsspec
import pytest

from pipeline.base.errors import UserError
from pipeline.landing import land_source
from pipeline.landing.remote import fetched
from pipeline.sources.definitions import load_source
from tests.conftest import SALES
from tests.support.builds.loads import said

CSV = b"id,sold_at\n1,2024-01-05\n"


@pytest.fixture
def bucket():
    """A file system in memory, empty afterwards."""
    memory = fsspec.filesystem("memory")
    yield memory
    memory.rm("/", recursive=True)


def test_files_are_fetched_once_and_landed_once(bucket, define_source, make_settings, monkeypatch):
    bucket.pipe("/shop/2024/sales_1.csv", CSV)
    bucket.pipe("/shop/2024/notes.txt", b"not a sale")
    table = {**SALES, "file": "2024/sales_*.csv", "load": "append"}
    define_source("shop", location="memory://shop", tables={"sales": table})
    settings = make_settings(CRM_SOURCES="shop")
    assert land_source(settings, "shop")["sales"]["received"] == 1
    again: list[str] = []
    monkeypatch.setattr(type(bucket), "get_file", lambda self, name, target: again.append(name))
    assert land_source(settings, "shop") == {"sales": "unchanged"}
    assert again == []


def test_a_file_that_has_changed_is_fetched_again(bucket, define_source, make_settings):
    bucket.pipe("/shop/sales.csv", CSV)
    define_source("shop", location="memory://shop")
    settings = make_settings(CRM_SOURCES="shop")
    land_source(settings, "shop")
    bucket.pipe("/shop/sales.csv", CSV + b"2,2024-01-06\n")
    assert land_source(settings, "shop")["sales"]["received"] == 2


def test_what_cannot_be_fetched_is_named(bucket, define_source, make_settings):
    define_source("shop", location="memory://shop", hint="ask the shop")
    settings = make_settings(CRM_SOURCES="shop")
    message = said(land_source, settings, "shop")
    for word in ("shop.sales", "there is no file memory://shop/sales.csv", "ask the shop"):
        assert word in message
    define_source("shop", location="nosuch://shop")
    message = said(land_source, settings, "shop")
    for word in ("shop.sales", "nosuch://shop", "cannot be read"):
        assert word in message


def test_a_password_in_the_address_is_refused(define_source):
    define_source("shop", location="sftp://me:s3cr3t@host/sales")
    message = said(load_source, "shop")
    assert "holds a password" in message
    assert "s3cr3t" not in message


@pytest.mark.parametrize("name", ["bucket/../x.csv", "bucket/a/../../x.csv"])
def test_a_name_that_leads_out_of_its_folder_is_refused(tmp_path, name):
    """An object store takes such names for names like any others."""

    class Store(fsspec.AbstractFileSystem):
        protocol = "odd"

        def glob(self, path, **_):
            return [name]

        def info(self, path, **_):
            return {"name": path, "type": "file", "size": 1}

    fsspec.register_implementation("odd", Store, clobber=True)
    with pytest.raises(UserError, match=r"leads out of its folder"):
        fetched("odd://bucket", "*.csv", tmp_path / "copies", "shop.sales")
    assert not list(tmp_path.rglob("*.csv"))
