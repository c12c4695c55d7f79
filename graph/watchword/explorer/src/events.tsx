// The list below GraphiQL: each open subscription, with its events.
import { useSyncExternalStore } from "react";
import { type Followed, type Happened, type Subscriptions, time } from "./followed.js";

export function Events({ subscriptions }: { subscriptions: Subscriptions }) {
  const list = useSyncExternalStore(subscriptions.subscribe, subscriptions.all);
  const connection = useSyncExternalStore(subscriptions.subscribe, subscriptions.state);
  if (!list.length) return null;
  return (
    <section className="events" aria-label="Subscriptions">
      <p className="connection" role="status">
        {connection}
      </p>
      {list.map((each) => (
        <Subscription key={each.id} followed={each} onRemove={() => subscriptions.remove(each.id)} />
      ))}
    </section>
  );
}

function Subscription({ followed, onRemove }: { followed: Followed; onRemove(): void }) {
  const { name, isOpen, problem, count, events } = followed;
  return (
    <article aria-label={name} data-open={isOpen}>
      <header>
        <h2>{name}</h2>
        <span>{count === 1 ? "1 event" : `${count} events`}</span>
        {problem && <span className="problem">{problem}</span>}
        {isOpen && (
          <button type="button" onClick={() => followed.stop()}>
            Stop
          </button>
        )}
        <button type="button" onClick={onRemove} aria-label={`Remove ${name}`}>
          ×
        </button>
      </header>
      {isOpen && !count && <p>Waiting for the first event …</p>}
      <ol reversed start={count}>
        {events.map((event, place) => (
          <Event key={event.number} event={event} isNewest={place === 0} />
        ))}
      </ol>
    </article>
  );
}

function Event({ event, isNewest }: { event: Happened; isNewest: boolean }) {
  const { at, cursor, answer } = event;
  return (
    <li>
      <details open={isNewest || undefined}>
        <summary>
          <time dateTime={at.toISOString()}>{time(at)}</time>
          {cursor && (
            <code className="cursor" title={cursor}>
              {cursor}
            </code>
          )}
        </summary>
        <pre>{JSON.stringify(answer, null, 2)}</pre>
      </details>
    </li>
  );
}
