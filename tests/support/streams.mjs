// Opens many event streams over one HTTP/2 connection, as a browser does, and waits until each has told
// an event. Prints how many did, and over how many connections. Options: origin, query, count.
import http2 from "node:http2";

const { origin, query, count } = JSON.parse(process.env.CLIENT_OPTIONS);
const connection = http2.connect(origin, { rejectUnauthorized: false });

function stream() {
  return new Promise((resolve, reject) => {
    const request = connection.request({
      ":method": "POST",
      ":path": "/graphql",
      accept: "text/event-stream",
      "content-type": "application/json",
    });
    let text = "";
    request.setEncoding("utf8");
    request.on("error", reject);
    request.on("data", (chunk) => {
      text += chunk;
      if (/^event: ?next$/m.test(text)) resolve(request);
    });
    request.on("end", () => reject(new Error(`a stream ended: ${text}`)));
    request.end(JSON.stringify({ query }));
  });
}

const streams = await Promise.all(Array.from({ length: count }, stream));
console.log(JSON.stringify({ protocol: connection.alpnProtocol, told: streams.length }));
connection.destroy();
