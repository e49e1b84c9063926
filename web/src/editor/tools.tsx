import type { Edit } from '../api/types';
import { Button } from '../components/button';
import { Segments } from '../components/segments';
import { type Limits, shaped } from '../edits/cropping';
import { PLAIN, sameEdit, WHOLE } from '../edits/model';
import { mirrored, turned } from '../edits/turning';
import { ExactCrop } from './exact-crop';
import { newGesture } from './gestures';
import type { Shape } from './shapes';
import type { Tool } from './stage';

interface ToolsProps {
  edit: Edit;
  limits: Limits;
  tool: Tool;
  shapes: Shape[];
  shape: Shape;
  /** Something of the picture lets through what is behind it. */
  isTransparent: boolean;
  onTool: (tool: Tool) => void;
  onShape: (shape: Shape) => void;
  onChange: (edit: Edit, gesture?: string) => void;
}

/** What can be done to the picture, beside what is done in the picture itself. */
export function Tools(props: ToolsProps) {
  const { edit, limits, tool, isTransparent, onTool, onChange } = props;
  return (
    <div className="stack">
      <div className="row">
        <Button icon="turnLeft" onClick={() => onChange(turned(edit, 'left'))}>
          Turn left
        </Button>
        <Button icon="turnRight" onClick={() => onChange(turned(edit, 'right'))}>
          Turn right
        </Button>
        <Button icon="mirror" aria-pressed={edit.mirrored} onClick={() => onChange(mirrored(edit))}>
          Mirror
        </Button>
        <Button held={sameEdit(edit, PLAIN)} onClick={() => onChange(PLAIN)}>
          Reset
        </Button>
      </div>
      <div>
        <Segments
          label="What to set in the picture"
          value={tool}
          options={[
            ['crop', 'Crop'],
            ['focus', 'Focus point'],
          ]}
          onChange={onTool}
        />
      </div>
      {tool === 'crop' ? <CropTools {...props} /> : <FocusTools {...props} />}
      {tool === 'crop' && (
        <ExactCrop crop={edit.crop ?? WHOLE} size={limits.size} onChange={(crop) => onChange({ ...edit, crop })} />
      )}
      {isTransparent && <Background {...props} />}
    </div>
  );
}

function CropTools({ edit, limits, shapes, shape, onShape, onChange }: ToolsProps) {
  return (
    <>
      <div>
        <Segments
          label="Shape of the crop"
          wrap
          value={shape.id}
          options={shapes.map(({ id, label }) => [id, label] as const)}
          onChange={(id) => {
            const chosen = shapes.find((other) => other.id === id);
            if (!chosen) return;
            onShape(chosen);
            if (chosen.ratio === null) return;
            onChange({ ...edit, crop: shaped(edit.crop ?? WHOLE, { size: limits.size, ratio: chosen.ratio }) });
          }}
        />
      </div>
      <p className="small quiet">Pull the corners and edges, or move the frame. Nothing outside of it is ever shown.</p>
    </>
  );
}

function FocusTools({ edit, onChange }: ToolsProps) {
  return (
    <>
      <p className="small quiet">
        Click what must stay in view where a place cuts more off. Without a point, faces and what stands out decide.
      </p>
      <div>
        <Button held={!edit.focus} onClick={() => onChange({ ...edit, focus: null })}>
          Leave it to Linkarooie
        </Button>
      </div>
    </>
  );
}

function Background({ edit, onChange }: ToolsProps) {
  return (
    <div className="row">
      <label className="row">
        <span>Background</span>
        <input
          type="color"
          className="colour"
          value={edit.background ?? '#ffffff'}
          // One step for all that is tried while the chooser is open.
          onFocus={(event) => {
            event.currentTarget.dataset.gesture = newGesture();
          }}
          onChange={(event) =>
            onChange({ ...edit, background: event.currentTarget.value }, event.currentTarget.dataset.gesture)
          }
        />
      </label>
      <Button held={edit.background === null} onClick={() => onChange({ ...edit, background: null })}>
        White
      </Button>
      <p className="small quiet grow">Shows where the picture lets something through and a place does not.</p>
    </div>
  );
}
