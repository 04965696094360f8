/** Which traces are kept: the samplers by the names that OpenTelemetry gives them. */
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace';

export type SamplerName =
  | 'always_on'
  | 'always_off'
  | 'traceidratio'
  | 'parentbased_always_on'
  | 'parentbased_always_off'
  | 'parentbased_traceidratio';

/** `share`, from 0 to 1: of traceidratio. */
export function createSampler(name: SamplerName, share: number): Sampler {
  const followParent = (root: SamplerName): Sampler =>
    new ParentBasedSampler({ root: createSampler(root, share) });
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(share);
    case 'parentbased_always_on':
      return followParent('always_on');
    case 'parentbased_always_off':
      return followParent('always_off');
    case 'parentbased_traceidratio':
      return followParent('traceidratio');
  }
}
