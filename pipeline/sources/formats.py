"""The file formats that a source may name, and the module of pipeline/landing/readers that reads each."""

FORMATS = {
    "csv": "texts.delimited",
    "excel": "workbooks.excel",
    "fixed_width": "texts.fixed_width",
    "jsonl": "texts.jsonl",
    "parquet": "parquet",
    "parquet_manifest": "parquet_manifest",
    "whitespace": "texts.whitespace",
}
