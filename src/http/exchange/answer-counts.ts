/** How many of a route's answers began with each digit: [2] counts 2xx. [0]: the sender was gone before. */
export type AnswerCounts = number[];

export function createAnswerCounts(): AnswerCounts {
  return [0, 0, 0, 0, 0, 0];
}

/** 0: the sender was gone. */
export function countAnswer(answers: AnswerCounts, status: number): void {
  const digit = Math.trunc(status / 100);
  answers[digit] = (answers[digit] ?? 0) + 1;
}
