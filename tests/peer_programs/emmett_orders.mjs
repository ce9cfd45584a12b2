// Writes orders with emmett's event store and prints the events that it then reads, a JSON object a line.
// SOURCE_URL: the database; ORDERS, ITEMS: how many orders, how many items each.
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';

const store = getPostgreSQLEventStore(process.env.SOURCE_URL);
const orders = Array.from({ length: Number(process.env.ORDERS) }, (_, number) => `order-${number}`);
for (const [number, order] of orders.entries()) {
  await store.appendToStream(order, [
    { type: 'OrderPlaced', data: { number, text: 'quote " backslash \\ é 漢字' } },
    { type: 'OrderNamed', data: { name: null, nested: { list: [1, 2.5, true] } }, metadata: { correlationId: 'c-1' } },
  ]);
}
for (let item = 0; item < Number(process.env.ITEMS); item++) {
  for (const order of orders) {
    await store.appendToStream(order, [{ type: 'ItemAdded', data: { item } }]);
  }
}
for (const order of orders) {
  const { events } = await store.readStream(order);
  for (const { type, data, metadata } of events) {
    const { messageId, streamName, streamPosition, globalPosition, ...own } = metadata;
    console.log(JSON.stringify({
      id: messageId, stream: streamName, version: Number(streamPosition), position: Number(globalPosition),
      type, data, metadata: own,
    }));
  }
}
await store.close();
