"""The service of the workflow that Turnout grew out of: FastAPI behind uvicorn."""

import os

from fastapi import FastAPI

app = FastAPI(title="fastapi-dev")


@app.get("/")
def root():
    return {"message": "Hello", "version": os.environ.get("VERSION", "dev")}


@app.get("/healthz")
def healthz():
    return {"status": "ok"}
