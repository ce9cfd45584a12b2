// Counts the sold seats of each show. Start it as often as you like: each event counts once.
import { hostname } from "node:os";
import pg from "pg";
const SUBSCRIPTION = "sold-seats";
const WORKER = `${hostname()}:${process.pid}`;
const LEASE = process.env.LEASE ?? "30 seconds";
const CREATE = "select esdb.create_subscription($1, partitions => 4, event_types => '{SeatReserved}')";
const CLAIM = "select token, position, aggregate_id, payload from esdb.claim_events($1, $2, 50, $3)";
const COUNT = `insert into sold (show, seats, newest_guest) values ($1, 1, $2)
    on conflict (show) do update set seats = sold.seats + 1, newest_guest = excluded.newest_guest`;

const client = new pg.Client({ connectionString: process.env.ESDB_DATABASE_URL });
let [stopping, woken, wake] = [false, false, () => {}];

/** Handle the events of a claim in one transaction: their effects, and an ack, or a nack of the one that failed. */
async function handle(events) {
    for (const { token, position, aggregate_id, payload } of events) { // bigint comes as a string, which is exact
        await client.query("savepoint event");
        try {
            await client.query(COUNT, [aggregate_id, payload.name]);
            await client.query("release event");
        } catch (error) { // whatever it is: the event comes again, and is parked in the end
            await client.query("rollback to event");
            return client.query("select esdb.nack($1, $2, $3, $4)", [SUBSCRIPTION, token, position, `${error}`]);
        }
    }
    return client.query("select esdb.ack($1, $2, $3)", [SUBSCRIPTION, events.at(-1).token, events.at(-1).position]);
}
client.on("notification", () => wake((woken = true)));
client.on("error", () => wake()); // the next query tells what it was
process.on("SIGTERM", () => wake((stopping = true)));
try {
    await client.connect();
    await client.query(CREATE, [SUBSCRIPTION]);
    await client.query("listen esdb");
    console.log(`${SUBSCRIPTION}: at work`);
    while (!stopping) {
        const events = (await client.query(CLAIM, [SUBSCRIPTION, WORKER, LEASE])).rows;
        if (events.length) {
            await client.query("begin");
            try {
                await handle(events).then(() => client.query("commit"));
            } catch (error) { // others handle them
                if (error.code !== "SE021") throw error;
                await client.query("rollback");
                console.error(`too late, rolled back: ${error.detail}`);
            }
        } else {
            const { rows } = await client.query("select esdb.high_water_mark() < esdb.last_position() as behind");
            const pause = woken || rows[0].behind ? 25 : 1000;
            woken = false;
            await new Promise((resolve) => setTimeout((wake = resolve), pause).unref());
        }
    }
} catch (error) {
    console.error(`${error.code ?? "no connection"}: ${error.message}`);
    process.exitCode = 1;
}
await client.end();
