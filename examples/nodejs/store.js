// An application's write path: load, decide, append, and try again in the right way. It needs nothing but pg.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const ATTEMPTS = 10;
const LOAD = "select version, events from esdb.load_aggregate(aggregate_id => $1)";
const APPEND = `
    select id, version, "position", "timestamp"
    from esdb.append_events(
        aggregate_id => $1, events => $2, expected_version => $3,
        bounded_context => 's', group_context => 'm', aggregate_type => 'show')`;

// SQLSTATEs after which the very same call is made again: deadlock, serialization failure, lock timeout, a month that
// was just closed, the server's end or its start.
const AGAIN = /^(40P01|40001|55P03|SE012|53300|57P0.|08...)$/;

// pg gives a bigint as a string, because a number is exact up to 2^53 only. Versions and positions become BigInt, here
// for this pool alone. A timestamptz becomes a Date, which is cut to milliseconds: never compare with it.
const types = {
    getTypeParser: (oid, format) =>
        oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format),
};

export class Store {
    #pool;

    constructor(url) {
        this.#pool = new pg.Pool({ connectionString: url, types });
        // Without a listener a connection that breaks while it is idle would end the process.
        this.#pool.on("error", (error) => console.error(`lost an idle connection: ${error.message}`));
    }

    /** Give a stream's version, 0n if there is none, and its events. */
    async load(stream) {
        const [{ version, events }] = await this.#call(LOAD, [stream]);
        return { version, events };
    }

    /** Append what decide() makes of a stream's events, and give it; after a version conflict decide anew. */
    async change(stream, decide) {
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            const { version, events } = await this.load(stream);
            // The ids are made once a decision: by them the store knows a repeated call.
            const decided = decide(events).map((event) => ({ id: randomUUID(), ...event }));
            if (decided.length === 0) return [];
            try {
                // An array has to be made JSON here: pg would make it an array of PostgreSQL's, not jsonb.
                const rows = await this.#call(APPEND, [stream, JSON.stringify(decided), version]);
                return decided.map((event, number) => ({ ...event, ...rows[number] }));
            } catch (error) {
                if (error.code !== "SE001") throw error;
                console.error(`somebody else was quicker: ${error.detail}`);
                await pause(attempt);
            }
        }
        throw new Error(`${stream} changes too often`);
    }

    close() {
        return this.#pool.end();
    }

    /**
     * Run a statement; after a lost connection, a deadlock and the like run the very same again.
     *
     * An append whose answer was lost may be committed or not. If it is, the store finds the ids and gives the first
     * result. If it is not, it fits still, or somebody else has passed its version: then it never will be.
     */
    async #call(text, values) {
        for (let attempt = 1; ; attempt++) {
            try {
                return (await this.#pool.query(text, values)).rows;
            } catch (error) {
                // What the server says is a DatabaseError; all else is the connection's end.
                const again = !(error instanceof pg.DatabaseError) || AGAIN.test(error.code);
                if (!again || attempt === ATTEMPTS) throw error;
                console.error(`calling again: ${error.message || error.code}`);
                await pause(attempt);
            }
        }
    }
}

/** Wait for a time that grows and differs from process to process. */
function pause(attempt) {
    return sleep(Math.random() * Math.min(20 * 2 ** attempt, 1000));
}
