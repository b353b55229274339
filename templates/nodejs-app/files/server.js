const http = require("http");

http.createServer((request, response) => {
	response.setHeader("Content-Type", "text/plain");
	response.end("Hello from Node.js " + process.version + "\n");
}).listen(process.env.PORT, process.env.HOST);
