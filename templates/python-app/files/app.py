import sys


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("Hello from Python " + sys.version.split()[0] + "\n").encode()]
