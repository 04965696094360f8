/** Look-ups in the air, one for each key. */

/** Overtaken: its key has changed since it set out, so that it may bring back the past. */
export interface Flight {
  isOvertaken: boolean;
}

export interface Flights<T> {
  /** Whoever asks for a key that is being looked up shares that look-up. */
  join(key: string, look: (flight: Flight) => Promise<T>): Promise<T>;
  overtake(key: string): void;
  overtakeAll(): void;
}

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, { readonly flight: Flight; readonly landing: Promise<T> }>();
  return {
    join(key, look) {
      const flying = flights.get(key);
      if (flying !== undefined) return flying.landing;
      const flight = { isOvertaken: false };
      const landing = look(flight).finally(() => flights.delete(key));
      flights.set(key, { flight, landing });
      return landing;
    },
    overtake(key) {
      const flying = flights.get(key);
      if (flying !== undefined) flying.flight.isOvertaken = true;
    },
    overtakeAll() {
      for (const { flight } of flights.values()) flight.isOvertaken = true;
    },
  };
}
