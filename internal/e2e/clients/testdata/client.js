// What a program in Node.js does with containers, by Corsinvest's client: by password, then
// by token. It ends with status 1 at the first answer that it does not expect.
const { PveClient } = require("@corsinvest/cv4pve-api-javascript");
const { HOST, PORT, TOKEN, PASSWORD } = process.env;

const client = new PveClient(HOST, Number(PORT));
const ct = "/nodes/pve1/lxc";
const archive = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";

function good(what, result) {
  if (!result.isSuccessStatusCode) {
    throw new Error(`${what}: ${result.statusCode} ${result.reasonPhrase} ${JSON.stringify(result.response)}`);
  }
  return result.response.data;
}

async function task(what, result) {
  const upid = good(what, result);
  await client.waitForTaskToFinish(upid, 50, 60000);
  const exit = await client.getExitStatusTask(upid);
  if (exit !== "OK") {
    throw new Error(`${what}: ${exit}`);
  }
  console.log(what);
}

function want(what, got, expected) {
  if (got !== expected) {
    throw new Error(`${what} is ${got}, not ${expected}`);
  }
}

async function address(id) {
  for (let i = 0; i < 200; i++) {
    const rows = good("interfaces", await client.get(`${ct}/${id}/interfaces`)) || [];
    const eth0 = rows.find((r) => r.name === "eth0");
    if (eth0 && eth0.inet) {
      return eth0.inet;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("no address");
}

async function main() {
  if (await client.login("root", "wrong")) {
    throw new Error("a wrong password is taken");
  }
  if (!(await client.login("root", PASSWORD))) {
    throw new Error("the password is refused");
  }
  want("release", good("version", await client.version.version()).release, process.env.RELEASE);
  client.apiToken = TOKEN;
  want("containers", good("list", await client.get(ct)).length, 0);
  console.log("list");
  await task("create", await client.create(ct, {
    vmid: 100, ostemplate: archive, hostname: "web", rootfs: "local-lvm:4", memory: 256, unprivileged: true,
    net0: "name=eth0,bridge=vmbr0,ip=dhcp", features: "nesting=1", tags: "web;Alpha", description: "two\n\n",
  }));
  let config = good("config", await client.nodes.get("pve1").lxc.get(100).config.vmConfig());
  want("tags", config.tags, "alpha;web");
  want("description", config.description, "two\n");
  await task("clone", await client.create(`${ct}/100/clone`, { newid: 101, hostname: "copy", full: true }));
  await task("start", await client.create(`${ct}/100/status/start`, {}));
  console.log("address", await address(100));
  good("update", await client.set(`${ct}/100/config`, { memory: 300, tags: "q,R" }));
  config = good("config", await client.get(`${ct}/100/config`));
  want("memory", config.memory, 300);
  want("tags", config.tags, "q;r");
  console.log("update");
  await task("resize", await client.set(`${ct}/100/resize`, { disk: "rootfs", size: "+1G" }));
  await task("snapshot", await client.create(`${ct}/100/snapshot`, { snapname: "before" }));
  want("snapshots", good("snapshots", await client.get(`${ct}/100/snapshot`)).length, 2);
  await task("stop", await client.create(`${ct}/100/status/stop`, {}));
  for (const id of [100, 101]) {
    await task(`delete ${id}`, await client.delete(`${ct}/${id}`, { purge: 1 }));
  }
  want("containers", good("list", await client.get(ct)).length, 0);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
