// Sells the seats of a show, each of them once, however many sell at the same time.
import { Store } from "./store.js";

const USAGE = `node seats.js open SHOW SEATS
node seats.js reserve SHOW NAME ...
node seats.js list SHOW`;

/** Give the seats of a show, and who has them. */
function replay(events) {
    const seats = new Map();
    for (const { event_type, payload } of events) {
        if (event_type === "ShowOpened") {
            for (let seat = 1; seat <= payload.seats; seat++) seats.set(seat, null);
        } else if (event_type === "SeatReserved") {
            seats.set(payload.seat, payload.name);
        }
    }
    return seats;
}

/** Decide: a show is opened once. */
function openShow(events, count) {
    return events.length ? [] : [{ event_type: "ShowOpened", payload: { seats: count } }];
}

/** Decide: a name gets the first free seat, and no second one, so that asking again does no harm. */
function reserve(events, name) {
    const seats = replay(events);
    const free = [...seats.keys()].find((seat) => seats.get(seat) === null);
    if (free === undefined || [...seats.values()].includes(name)) return [];
    return [{ event_type: "SeatReserved", payload: { seat: free, name } }];
}

async function main(store, command, show, ...words) {
    switch (command) {
        case "open":
            await store.change(show, (events) => openShow(events, Number(words[0])));
            break;
        case "reserve":
            for (const name of words) {
                const [event] = await store.change(show, (events) => reserve(events, name));
                if (event) console.log(`${event.payload.seat} ${name} version ${event.version}`);
                else console.error(`nothing new for ${name}`);
            }
            break;
        case "list":
            for (const [seat, name] of replay((await store.load(show)).events)) console.log(`${seat} ${name ?? "-"}`);
            break;
        default:
            throw new Error(USAGE);
    }
}

const store = new Store(process.env.ESDB_DATABASE_URL);
try {
    await main(store, ...process.argv.slice(2));
} catch (error) {
    console.error(error.code === "SE002" ? "this show is cancelled" : `${error.code ?? "error"}: ${error.message}`);
    process.exitCode = 1;
} finally {
    await store.close();
}
